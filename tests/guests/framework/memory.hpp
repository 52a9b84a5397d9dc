// SPDX-License-Identifier: Apache-2.0
//
// The domain's memory: the start-info page, both directions between machine and pseudo-physical frames, where a frame
// is mapped, and a supply of free frames.
#pragma once

#include "framework/frame_numbers.hpp"

#include <ringfold/start_info.h>

#include <cstdint>

namespace guest {

void set_up_memory(const ringfold_start_info *info);

const ringfold_start_info &start_info();
inline bool is_debug_hypervisor() { return (start_info().flags & RINGFOLD_START_DEBUG) != 0; }

MachineFrame machine_frame(PhysicalFrame frame);
// The machine frame behind an object of this image or any other address in the initial mapping.
MachineFrame machine_frame_at(const volatile void *pointer);
// What the machine-to-physical table says; only meaningful for frames of this domain.
PhysicalFrame physical_frame(MachineFrame frame);

// Where the initial mapping has a frame.
uint64_t linear_address(PhysicalFrame frame);
inline uint64_t linear_address(MachineFrame frame) { return linear_address(physical_frame(frame)); }

// A mapped, cleared frame that nothing uses; ends the test with ERROR when there is none left.
PhysicalFrame allocate_frame();
// `count` such frames in a row, the first at a multiple of `alignment` frames.
PhysicalFrame allocate_frames(uint64_t count, uint64_t alignment = 1);

}  // namespace guest
