// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/call_buffer.hpp"

#include "hypervisor/mm/machine_memory.hpp"

#include <algorithm>

namespace ringfold {

namespace {

constexpr uint64_t buffer_size = RINGFOLD_CALL_BUFFER_PAGES * page_size;

}  // namespace

void CallBuffer::clear() {
    for (TypeReference &page : pages_) {
        page = TypeReference{};
    }
}

Result<void> CallBuffer::check(uint64_t offset, uint64_t size) const {
    if (offset > buffer_size || size > buffer_size - offset) {
        return Error::bad_frame;
    }
    if (size == 0) {
        return {};
    }
    const uint64_t last = (offset + size - 1) / page_size;
    for (uint64_t page = offset / page_size; page <= last; ++page) {
        if (!pages_[page]) {
            return Error::bad_frame;
        }
    }
    return {};
}

Result<void> CallBuffer::read(uint64_t offset, std::span<std::byte> to) const {
    TRY(check(offset, to.size()));
    while (!to.empty()) {
        const uint64_t within = offset % page_size;
        const uint64_t bytes = std::min<uint64_t>(page_size - within, to.size());
        __builtin_memcpy(to.data(), pointer_to<std::byte>(pages_[offset / page_size].frame()) + within, bytes);
        to = to.subspan(bytes);
        offset += bytes;
    }
    return {};
}

Result<void> CallBuffer::write(uint64_t offset, std::span<const std::byte> from) const {
    TRY(check(offset, from.size()));
    while (!from.empty()) {
        const uint64_t within = offset % page_size;
        const uint64_t bytes = std::min<uint64_t>(page_size - within, from.size());
        __builtin_memcpy(pointer_to<std::byte>(pages_[offset / page_size].frame()) + within, from.data(), bytes);
        from = from.subspan(bytes);
        offset += bytes;
    }
    return {};
}

}  // namespace ringfold
