// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/physical_table.hpp"

namespace ringfold::tools {

namespace {

std::optional<GuestFrame> named_frame(Entry entry, Level level, const PhysicalIndex &index) {
    if (entry.is_big_leaf(level)) {
        return index.find_extent(entry.frame());
    }
    const bool unknown_size = level > Level::l2 && entry.has(RINGFOLD_ENTRY_BIG);  // no guest has such entries
    return unknown_size ? std::nullopt : index.find(entry.frame());
}

}  // namespace

void make_physical(std::span<uint64_t> entries, Level level, const PhysicalIndex &index) {
    for (uint64_t &word : entries) {
        const Entry entry{word};
        if (!entry.present()) {
            continue;
        }
        const std::optional<GuestFrame> frame = named_frame(entry, level, index);
        word = frame ? (word & ~RINGFOLD_ENTRY_FRAME_MASK) | frame->raw() << page_shift : 0;
    }
}

}  // namespace ringfold::tools
