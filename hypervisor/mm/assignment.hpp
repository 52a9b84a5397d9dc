// SPDX-License-Identifier: Apache-2.0
//
// Frames come to a domain and leave it.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <ringfold/debug.h>

namespace ringfold {

// Gives the domain free, cleared frames that the caller has from the frame allocator. All or nothing.
// out_of_memory: the domain's maximum; already_exists: one of them is not free; bad_frame: not in the frame table.
Result<void> assign_frames(DomainMemory &memory, MachineFrame first, FrameCount count);

// Takes a frame away that has no use left. On success it is nobody's, no processor holds a translation to it, and the
// caller returns it to the allocator (still with its contents). bad_frame: not RAM of the domain; busy: there is a use,
// or its extent is mapped big; again: preempted.
Result<void> release_frame(DomainMemory &memory, MachineFrame frame);

// The frame's accounting; the owner's reference is not counted. bad_frame: not RAM of the domain.
Result<ringfold_frame_info> describe_frame(DomainMemory &memory, MachineFrame frame);

}  // namespace ringfold
