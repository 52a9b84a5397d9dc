// SPDX-License-Identifier: Apache-2.0
//
// What most entries of most page tables are: 4 KiB leaves of the domain's own memory, in an ordinary use. Whole tables
// of them are validated and undone for each fork and exit of a guest, so these take and drop what such an entry holds
// in one compare-exchange and without a call. They do not refuse: false says that the entry is none of these or
// somebody else just changed its frame, nothing was done, and entry_target.hpp has to look.
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

// No processor can reach the entry any more, but for what it has cached.
[[nodiscard]] inline bool drop_plain_leaf(const LockedMemory &memory, Entry entry) {
    FrameInfo *const info = entry.present() ? own_frame_of(memory, entry) : nullptr;
    if (info == nullptr) {
        return false;
    }
    translation_model::leaf_removed(Level::l1, entry);
    info->leaf_stamp.advance(flush_clock::now());  // a stamp more, if the rest is not done here, does no harm
    return entry.writable() ? info->try_drop_writable() : info->try_drop();
}

}  // namespace ringfold
