// SPDX-License-Identifier: Apache-2.0
//
// Frames become page tables and stop being page tables.
//
// A table of level n holds references for its entries [0, progress), all of them once it is validated. Taking it the
// first time takes its entries' targets in ascending order, recursing into lower tables (at most four deep); dropping
// it the last time gives them back in descending order. Both may be preempted (`again`) and leave the table *partial*,
// with its progress in its FrameInfo: all there is to know is in the frame, so anybody may continue in either
// direction.
//
//   - An interrupted taking holds no count: a partial table with type count 0 is nobody's. The one who wants it as that
//     level continues, one who wants it otherwise undoes it first.
//   - An interrupted dropping still holds its count (and whatever entry led here still counts it), so that nothing can
//   be
//     dropped twice. When the entries are all given back, type and count go together.
//   - A table on whose entries somebody further up the stack works may be met again among the targets, if it refers to
//     itself or to one above it. It is then in a use that excludes the other: busy, never continued or undone there.
//   - What cannot be left half dropped in sight of the guest is parked with the domain and finished before its next
//     operation.
//
// The contents of a table cannot change while it has the type: the guest has no writable mapping of it, and the batch
// writes validated tables only. (Processors may set accessed and dirty bits; they do not matter here.)
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"
#include "hypervisor/mm/entry.hpp"

namespace ringfold {

[[nodiscard]] constexpr FrameType table_type(Level level) {
    return static_cast<FrameType>(static_cast<uint8_t>(FrameType::l1) + static_cast<uint8_t>(level) - 1);
}
[[nodiscard]] constexpr Level level_of(FrameType table) {
    return static_cast<Level>(static_cast<uint8_t>(table) - static_cast<uint8_t>(FrameType::l1) + 1);
}

// A use of the domain's frame as a table of `level`. busy, access_denied, limit_reached: refused, nothing changed.
// again: preempted; call again to continue.
Result<void> take_table(LockedMemory &memory, MachineFrame frame, Level level);

// Gives back such a use. again: not yet given back; call again.
Result<void> drop_table(LockedMemory &memory, MachineFrame frame, Level level);
// The same; what is not done at once is parked.
void drop_or_park(LockedMemory &memory, MachineFrame frame, Level level);

// Undoes an interrupted taking, if the frame is left from one; otherwise does nothing.
Result<void> undo_interrupted(LockedMemory &memory, MachineFrame frame);

// Finishes all that is parked. To be called before every operation on a domain's page tables.
Result<void> settle_parked(LockedMemory &memory);

}  // namespace ringfold
