// SPDX-License-Identifier: Apache-2.0
//
// Frames come to a domain and leave it.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <ringfold/debug.h>

#include <span>

namespace ringfold {

// Gives the domain free, cleared frames that the caller has from the frame allocator. All or nothing.
// out_of_memory: the domain's maximum; already_exists: one of them is not free; bad_frame: not in the frame table.
Result<void> assign_frames(DomainMemory &memory, MachineFrame first, FrameCount count);

// Takes a frame away that has no use left. On success it is nobody's, no processor holds a translation to it, and the
// caller returns it to the allocator (still with its contents). bad_frame: not RAM of the domain; busy: there is a use,
// or its extent is mapped big; again: preempted.
Result<void> release_frame(DomainMemory &memory, MachineFrame frame);

// Takes a frame, with its contents, from one domain to another. As release_frame(); out_of_memory: the receiver's
// maximum; not_permitted: the receiver is being torn down. If that begins meanwhile, the frame is gone, as if it came
// too late.
Result<void> move_frame(DomainMemory &from, DomainMemory &to, MachineFrame frame);

// Takes frames without any use away, and gives a block of as many free, cleared ones for them, never more than the
// domain's maximum in between. All or nothing; on success the caller returns the frames to the allocator. Errors as
// release_frame() for the first frame that is refused, one that stands twice included.
Result<void> exchange_frames(DomainMemory &memory, std::span<const MachineFrame> given, MachineFrame first);

// The frame's accounting; the owner's reference is not counted. bad_frame: not RAM of the domain.
Result<ringfold_frame_info> describe_frame(DomainMemory &memory, MachineFrame frame);

}  // namespace ringfold
