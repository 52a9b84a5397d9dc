// SPDX-License-Identifier: Apache-2.0
//
// A live entry is replaced: the new target's references are taken first, then the entry is written once, then the old
// target's are dropped.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/frame_table.hpp"

namespace ringfold {

enum class AccessedDirty : uint8_t { as_given, keep };

// invalid_argument: not the address of an entry; bad_frame: not RAM of the domain; not_found: in no page table, or in
// one that stopped being one for this entry's sake; access_denied, busy, limit_reached: refused, nothing changed;
// again: preempted, nothing changed but the progress of the new target's validation.
// Returns the entry that was replaced, with the accessed and dirty bits that it had then.
Result<Entry> set_entry(DomainMemory &memory, MachineAddress address, Entry entry, AccessedDirty bits);

// Where an entry of a validated table is.
struct EntryPlace {
    MachineFrame table;
    Level level;
    unsigned index;
    uint64_t *word;
};
Result<EntryPlace> find_entry(LockedMemory &memory, MachineAddress address);

// What an entry's new target was taken from may have been the last use of the table that the entry is in: a partial
// table that is undone for a writable mapping of it lets its own targets go. not_found: the table is none any more.
Result<void> check_still_table(const EntryPlace &place);

// An entry of a validated L4 has changed: when this returns, no processor walks a copy of the old one.
void announce_change(const EntryPlace &place);

}  // namespace ringfold
