// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/physical_map.hpp"

#include <algorithm>
#include <array>

namespace ringfold::tools {

namespace {

constexpr uint64_t entries_per_page = page_size / sizeof(uint64_t);

}  // namespace

std::vector<uint64_t> read_physical_map(const Hypervisor &hypervisor, DomainId domain, std::span<const uint64_t> built,
                                        const MapPlace &place) {
    std::vector<uint64_t> frames(built.begin(), built.end());
    if (place.first_frame == 0) {
        return frames;
    }
    frames.resize(std::max<std::size_t>(frames.size(), place.entries), RINGFOLD_NO_FRAME);
    std::array<uint64_t, entries_per_page> page{};
    for (uint64_t first = 0; first < place.entries; first += entries_per_page) {
        const uint64_t frame = place.first_frame + first / entries_per_page;
        if (frame < built.size() &&
            hypervisor.copy_out(domain, built.subspan(frame, 1), std::as_writable_bytes(std::span{page})).ok()) {
            std::copy_n(page.begin(), std::min(entries_per_page, place.entries - first),
                        frames.begin() + static_cast<std::ptrdiff_t>(first));
        }
    }
    return frames;
}

}  // namespace ringfold::tools
