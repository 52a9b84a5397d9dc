// SPDX-License-Identifier: Apache-2.0
//
// The machine's free frames: the one buddy allocator, behind its lock. Frames come zeroed and go back as they are;
// clearing happens outside the lock where it can. Giving back what was not allocated is our own mistake, and panics.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/buddy_allocator.hpp"
#include "hypervisor/mm/frame_claim.hpp"

namespace ringfold {

// At boot, once, before any other function here: the books, one node for each frame up to the highest of RAM.
void initialise_frame_allocator(FrameNodes nodes);
// Takes over frames that nobody uses, with unknown contents.
[[nodiscard]] Result<void> add_frames(MachineFrame first, FrameCount count);

// A block of zeroed frames, aligned to its size.
[[nodiscard]] Result<MachineFrame> allocate_frames(Order order);
// The same, with every byte below `limit`.
[[nodiscard]] Result<MachineFrame> allocate_frames_below(Order order, MachineAddress limit);
// The same with anything in it, for one who may see all that the machine holds: the control domain, at boot. It may
// only go back by free_frames().
[[nodiscard]] Result<MachineFrame> allocate_uncleared_frames_below(Order order, MachineAddress limit);

// The same for hypercalls, which make way. again: preempted, before all was cleared. Nobody holds the block meanwhile:
// it is free, and what was cleared stays so. Each call clears some, and takes rather what is clean, so that it comes to
// an end, whoever goes on with it.
[[nodiscard]] Result<MachineFrame> allocate_frames_by_parts(Order order);
// The same for one who has a claim, which becomes so much smaller.
[[nodiscard]] Result<MachineFrame> allocate_frames_by_parts(Order order, FrameClaim &claim);
// The same, this very block. not_found: not all of it is free; bad_frame: no memory, or not aligned to its size.
[[nodiscard]] Result<MachineFrame> allocate_frames_at_by_parts(MachineFrame first, Order order, FrameClaim &claim);
[[nodiscard]] Result<MachineFrame> allocate_frames_below_by_parts(Order order, MachineAddress limit);

// Makes the claim this big: all others are refused so many of the free frames. out_of_memory: there are not so many
// that nobody else has claimed; busy: it is closed.
[[nodiscard]] Result<void> claim_frames(FrameClaim &claim, FrameCount count);
// For good: nothing is set aside for it.
void close_claim(FrameClaim &claim);

// Gives back a block, or an aligned part of one, with anything in it.
void free_frames(MachineFrame first, Order order);
// Gives back a block that is known to be all zeroes.
void free_clean_frames(MachineFrame first, Order order);

// Clears up to `budget` free frames that are dirty, with the lock held: for idle CPUs, in small steps. Returns how
// many.
FrameCount scrub_frames(FrameCount budget);

[[nodiscard]] FrameCounters frame_counters();
// Free, and claimed by nobody.
[[nodiscard]] FrameCount free_frame_count();
// By all claims together: for audits.
[[nodiscard]] FrameCount claimed_frame_count();

// Does a recount agree with the books? Slow; for audits.
[[nodiscard]] bool frame_allocator_is_consistent();

}  // namespace ringfold
