// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's own address space (mm/virtual_map.hpp): what all CPUs share of it, made once at boot, and the
// mappings that are added later.
#pragma once

#include "hypervisor/boot/boot_information.hpp"
#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/cpu/cpu_space.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstdint>

namespace ringfold {

// Builds the shared part: image, direct map, and empty tables for the regions that are filled later. `boot_stack_guard`
// is the page of the image to leave out.
[[nodiscard]] Result<void> build_shared_space(const BootInformation &information, const ImageLayout &image,
                                              uint64_t boot_stack_guard, bool gigabyte_pages, FrameSource source);

// From now on page tables come from `source`: the frame allocator, once there is one.
void set_table_source(FrameSource source);

// Builds CPU `id`'s two faces over the shared part, and its PerCpu in them. Once for each id.
[[nodiscard]] Result<CpuSpace> create_cpu_space(CpuId id);

// Maps zeroed memory for the first `bytes` of `region` (machine_to_physical, frame_table, extent_table), writable. Once
// a region.
[[nodiscard]] Result<void *> map_array(const virtual_map::Region &region, uint64_t bytes);

// Maps device registers uncached, and returns where the byte at `address` is. Nothing is ever unmapped.
[[nodiscard]] Result<void *> map_device(MachineAddress address, uint64_t size);

}  // namespace ringfold
