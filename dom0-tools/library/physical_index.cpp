// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/physical_index.hpp"

#include <ringfold/page_table.h>

namespace ringfold::tools {

PhysicalIndex::PhysicalIndex(std::span<const uint64_t> frames) : frames_(frames) {
    physical_.reserve(frames.size());
    for (uint64_t index = 0; index < frames.size(); ++index) {
        if (frames[index] != RINGFOLD_NO_FRAME) {
            physical_[frames[index]] = index;
        }
    }
}

std::optional<GuestFrame> PhysicalIndex::find(MachineFrame frame) const {
    const auto found = physical_.find(frame.raw());
    return found == physical_.end() ? std::nullopt : std::optional{GuestFrame{found->second}};
}

std::optional<GuestFrame> PhysicalIndex::find_extent(MachineFrame first) const {
    const std::optional<GuestFrame> begin = find(first);
    if (!begin || begin->raw() % frames_per_extent != 0 || frames_.size() - begin->raw() < frames_per_extent) {
        return std::nullopt;
    }
    for (uint64_t page = 0; page < frames_per_extent; ++page) {
        if (frames_[begin->raw() + page] != first.raw() + page) {
            return std::nullopt;
        }
    }
    return begin;
}

}  // namespace ringfold::tools
