// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/root_cache.hpp"

#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <algorithm>
#include <atomic>

namespace ringfold {

Result<void> RootCache::initialise(uint64_t slot_entry, bool has_process_context_ids) {
    slot_entry_ = slot_entry;
    has_process_context_ids_ = has_process_context_ids;
    for (Root &root : roots_) {
        root.copy = TRY(allocate_frames(Order{0}));
        clear_frame(root.copy);
    }
    return {};
}

void RootCache::fill(Root &root, MachineFrame l4, uint64_t generation) const {
    // The guest's entries were validated when they were set. Another CPU may be changing one right now: then the
    // generation advances and this CPU copies again before it enters the guest. Each word is read whole.
    auto *from = pointer_to<uint64_t>(l4);
    auto *to = pointer_to<uint64_t>(root.copy);
    for (uint64_t index = 0; index < table_entries; ++index) {
        to[index] = std::atomic_ref<uint64_t>(from[index]).load(std::memory_order_relaxed);
    }
    to[virtual_map::slot] = slot_entry_;
    root.l4 = l4;
    root.generation = generation;
    root.valid = true;
}

RootCache::Selection RootCache::select(MachineFrame l4, uint64_t generation, bool must_flush) {
    auto root = std::find_if(roots_.begin(), roots_.end(), [l4](const Root &r) { return r.valid && r.l4 == l4; });
    bool copied = false;
    if (root == roots_.end()) {
        root = std::min_element(roots_.begin(), roots_.end(),
                                [](const Root &a, const Root &b) { return a.last_use < b.last_use; });
        root->must_flush = true;  // its PCID served another root
        root->valid = false;
    }
    if (!root->valid || root->generation != generation) {
        fill(*root, l4, generation);
        copied = true;
    }
    root->last_use = ++uses_;
    must_select_again_ = false;
    uint64_t cr3 = address_of(root->copy).raw();
    if (has_process_context_ids_) {
        cr3 |= static_cast<uint64_t>(root - roots_.begin()) + 1;  // PCID 0 is the hypervisor's
        if (!must_flush && !root->must_flush) {
            cr3 |= keep_translations;
        }
        root->must_flush = false;
    }
    return {.cr3 = cr3, .copied = copied};
}

void RootCache::flush_all() {
    must_select_again_ = true;
    for (Root &root : roots_) {
        root.must_flush = true;
    }
}

}  // namespace ringfold
