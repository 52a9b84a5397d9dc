// SPDX-License-Identifier: Apache-2.0
//
// What an entry refers to, and the references that it holds on that:
//
//   entry                    holds
//   -----------------------  -----------------------------------------------
//   not present              nothing
//   leaf, read-only          a reference on the frame
//   leaf, writable           a reference and a writable type on the frame
//   big leaf                 a big mapping of the extent, read-only or writable
//   table                    a reference and the next lower level's type on the frame
//   leaf of device memory    nothing: devices are never freed and never page tables
//
// A leaf may name a frame of another domain on which this one has a right (borrowed_frames.hpp); it then holds the
// same, and counts as a mapping there. A table or a big leaf may not.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"
#include "hypervisor/mm/entry_rules.hpp"
#include "hypervisor/mm/pending_flush.hpp"

namespace ringfold {

// What an entry that was checked when it was written is.
[[nodiscard]] EntryKind kind_of(Level level, Entry entry);

// Takes what a checked entry of `kind` holds. `flush` must be performed before a processor can reach the entry.
// access_denied: not the domain's to map there; busy: the target's use excludes this one; limit_reached; again.
Result<void> take_target(LockedMemory &memory, Level level, EntryKind kind, Entry entry, PendingFlush &flush);

// Gives back what an entry held that no processor can reach any more, but for what it has cached.
// again, for a table only: not finished, nothing is given back yet; call again.
Result<void> drop_target(LockedMemory &memory, Level level, Entry entry);

// Debug builds: what the entry took its references for is not still used otherwise by a processor that has it cached.
void check_reachable(const LockedMemory &memory, Level level, Entry entry);

// Do two entries of one level hold the same on the same frame?
[[nodiscard]] bool same_target(Level level, Entry a, Entry b);

}  // namespace ringfold
