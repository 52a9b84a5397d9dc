// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/guest_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr uint64_t pages_at_once = 256;

}  // namespace

void GuestMemory::Unmap::operator()(std::byte *begin) const { munmap(begin, size); }

Outcome<GuestMemory> GuestMemory::create(std::vector<uint64_t> frames, FrameCount filled) {
    void *pages =
        mmap(nullptr, filled.bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) {
        return Failure{Kind::memory, "no memory in dom0 to build the guest in"};
    }
    return GuestMemory(std::move(frames), filled, static_cast<std::byte *>(pages));
}

std::byte *GuestMemory::own_page(uint64_t frame) const {
    std::byte *const page = pages_.get() + frame * page_size;
    const std::byte *&source = sources_[frame];
    if (source != nullptr && source != page) {
        std::memcpy(page, source, page_size);
    }
    source = page;
    return page;
}

uint64_t *GuestMemory::words(GuestFrame frame) const { return reinterpret_cast<uint64_t *>(own_page(frame.raw())); }

void GuestMemory::write(uint64_t physical, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const uint64_t offset = physical % page_size;
        const auto part = bytes.first(std::min<uint64_t>(bytes.size(), page_size - offset));
        std::memcpy(own_page(physical / page_size) + offset, part.data(), part.size());
        physical += part.size();
        bytes = bytes.subspan(part.size());
    }
}

void GuestMemory::lend(uint64_t physical, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const uint64_t offset = physical % page_size;
        const auto part = bytes.first(std::min<uint64_t>(bytes.size(), page_size - offset));
        if (part.size() == page_size && sources_[physical / page_size] == nullptr) {
            sources_[physical / page_size] = part.data();
        } else {
            write(physical, part);
        }
        physical += part.size();
        bytes = bytes.subspan(part.size());
    }
}

Outcome<void> GuestMemory::copy_to(const Hypervisor &hypervisor, DomainId domain) const {
    for (uint64_t first = 0; first < filled_.raw();) {
        uint64_t end = first + 1;
        if (sources_[first] != nullptr) {
            while (end < filled_.raw() && end - first < pages_at_once &&
                   sources_[end] == sources_[end - 1] + page_size) {
                ++end;
            }
            TRY(hypervisor.copy_in(domain, std::span{frames_}.subspan(first, end - first),
                                   {sources_[first], (end - first) * page_size}));
        }
        first = end;
    }
    return {};
}

}  // namespace ringfold::tools
