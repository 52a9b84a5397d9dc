// SPDX-License-Identifier: Apache-2.0
//
// The one EarlyFrames, from the first page table until the frame allocator takes over what is left.
#pragma once

#include "hypervisor/boot/early_frames.hpp"
#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/lib/result.hpp"

#include <span>

namespace ringfold {

// Collects free memory. Until raise_early_memory_limit() only frames below `limit` are handed out.
[[nodiscard]] Result<void> begin_early_memory(const BootInformation &information, const ImageLayout &image,
                                              MachineFrame limit);
void raise_early_memory_limit();

// A FrameSource (cpu/page_mapper.hpp). out_of_memory after end_early_memory().
[[nodiscard]] Result<MachineFrame> allocate_early_frames(Order order);

// What is left, for the frame allocator. Nothing is handed out here any more.
[[nodiscard]] std::span<const FrameRange> end_early_memory();

}  // namespace ringfold
