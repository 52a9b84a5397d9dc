// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/entry_rules.hpp"

#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/virtual_map.hpp"

namespace ringfold {

namespace {

constinit PagingLimits paging_limits;

constexpr uint64_t caching = RINGFOLD_ENTRY_WRITE_THROUGH | RINGFOLD_ENTRY_CACHE_DISABLE;
constexpr uint64_t big_leaf_low_bits = (frames_per_extent - 1) << page_shift;  // bit 12 is PAT, 13..20 are reserved

// A non-present entry must be harmless to L1 terminal fault (Intel, "Deep Dive: L1 Terminal Fault"): the processor may
// speculatively read the L1 line that the entry's address bits name, even though the entry is not present.
[[nodiscard]] bool is_speculation_safe(Level level, Entry entry) {
    const uint64_t mask = (uint64_t{1} << paging_limits.cache_address_bits) - 1;
    const MachineFrame frame{(entry.raw() & RINGFOLD_ENTRY_FRAME_MASK & mask) >> page_shift};
    if (level != Level::l1 && entry.has(RINGFOLD_ENTRY_BIG)) {
        // Read as a big page: the linear address supplies the low bits, so 0 is as bad as any.
        return !(frame < frame_table::end());
    }
    // Frame 0 is never RAM that anybody owns.
    return frame == MachineFrame{0} || !frame_table::is_ram(frame);
}

}  // namespace

void set_paging_limits(const PagingLimits &limits) { paging_limits = limits; }

bool big_pages_executable() { return paging_limits.big_pages_executable; }

Result<EntryKind> check_entry(Level level, unsigned index, Entry entry) {
    if (level == Level::l4 && index == virtual_map::slot) {
        return entry == Entry{} ? Result<EntryKind>{EntryKind::nothing} : Error::access_denied;
    }
    if (!entry.present()) {
        return is_speculation_safe(level, entry) ? Result<EntryKind>{EntryKind::nothing} : Error::access_denied;
    }
    if (entry.has(never_set)) {
        return Error::access_denied;
    }
    if (level == Level::l1) {
        return EntryKind::leaf;  // caching attributes depend on the frame
    }
    if (entry.has(caching)) {
        return Error::access_denied;
    }
    if (!entry.has(RINGFOLD_ENTRY_BIG)) {
        return EntryKind::table;
    }
    const bool executable = !entry.has(RINGFOLD_ENTRY_NO_EXECUTE);
    if (level != Level::l2 || entry.has(big_leaf_low_bits) || (executable && !paging_limits.big_pages_executable)) {
        return Error::access_denied;
    }
    return EntryKind::big_leaf;
}

}  // namespace ringfold
