// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/guest_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ringfold::tools {

namespace {

constexpr uint64_t pages_at_once = 256;

bool is_zero(const std::byte *page) {
    static constexpr std::array<std::byte, page_size> zeros{};
    return std::memcmp(page, zeros.data(), page_size) == 0;
}

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

uint64_t *GuestMemory::words(GuestFrame frame) const {
    return reinterpret_cast<uint64_t *>(pages_.get() + frame.raw() * page_size);
}

void GuestMemory::write(uint64_t physical, std::span<const std::byte> bytes) const {
    if (!bytes.empty()) {
        std::memcpy(pages_.get() + physical, bytes.data(), bytes.size());
    }
}

Outcome<void> GuestMemory::copy_to(const Hypervisor &hypervisor, DomainId domain) const {
    for (uint64_t first = 0; first < filled_.raw();) {
        if (is_zero(&pages_[first * page_size])) {
            ++first;
            continue;
        }
        uint64_t end = first + 1;
        while (end < filled_.raw() && end - first < pages_at_once && !is_zero(&pages_[end * page_size])) {
            ++end;
        }
        TRY(hypervisor.copy_in(domain, std::span{frames_}.subspan(first, end - first),
                               {&pages_[first * page_size], (end - first) * page_size}));
        first = end;
    }
    return {};
}

}  // namespace ringfold::tools
