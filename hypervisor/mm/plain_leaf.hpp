// SPDX-License-Identifier: Apache-2.0
//
// What most entries of most page tables are: 4 KiB leaves of the domain's own memory. Whole tables of them are
// validated and undone for each fork and exit of a guest, so what such an entry holds is taken and dropped here in one
// compare-exchange and without a call. Nothing is refused: false says that the entry is none of these, or one whose
// frame is not in an ordinary use, nothing was done, and entry_target.hpp has to look.
//
// The caller holds the owner's page-table lock. So the frame stays its own, and no page table comes or goes among its
// frames.
#pragma once

#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/translation_model.hpp"

namespace ringfold {

[[nodiscard]] inline FrameInfo *own_frame_of(const LockedMemory &memory, Entry entry) {
    FrameInfo *const info = frame_table::find(entry.frame());
    return info != nullptr && info->owner() == memory.id() ? info : nullptr;
}

[[nodiscard]] inline bool take_plain_leaf(const LockedMemory &memory, Entry entry) {
    if (!entry.present() || entry.has(never_set | leaf_caching)) {
        return false;
    }
    FrameInfo *const info = own_frame_of(memory, entry);
    return info != nullptr && (entry.writable() ? info->try_take_writable() : info->try_take());
}

// No processor can reach the entry any more, but for what it has cached. False: its frame is not the domain's.
[[nodiscard]] inline bool drop_plain_leaf(const LockedMemory &memory, Entry entry) {
    FrameInfo *const info = entry.present() ? own_frame_of(memory, entry) : nullptr;
    if (info == nullptr) {
        return false;
    }
    translation_model::leaf_removed(Level::l1, entry);
    info->leaf_stamp.advance(flush_clock::now());
    if (entry.writable()) {
        info->drop_writable();
    } else {
        info->drop();
    }
    return true;
}

}  // namespace ringfold
