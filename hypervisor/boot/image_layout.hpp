// SPDX-License-Identifier: Apache-2.0
//
// Where the parts of the running image lie, as the linker script laid them out.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"

#include <cstdint>

namespace ringfold {

// Written by hypervisor.ld, in this order. Addresses are linear unless they say physical; every part begins at a page.
struct ImageLayout {
    uint64_t load_address;        // physical
    uint64_t boot_data_physical;  // boot text ends and boot data begins
    uint64_t image_base;
    uint64_t gate_text_physical;  // boot data ends
    uint64_t gate_text_end;
    uint64_t text_start;
    uint64_t text_end;
    uint64_t rodata_start;
    uint64_t rodata_end;
    uint64_t data_start;  // with .bss
    uint64_t data_end;

    // For an address of the image, not of the gate.
    [[nodiscard]] constexpr MachineAddress machine_address(uint64_t linear) const {
        return MachineAddress{linear - image_base + load_address};
    }
    [[nodiscard]] constexpr MachineAddress begin() const { return MachineAddress{load_address}; }
    [[nodiscard]] constexpr MachineAddress end() const { return machine_address(align_up(data_end, page_size)); }
};

// The image that runs.
[[nodiscard]] const ImageLayout &image_layout();

// The boot processor's stack, in the image's .bss; the page below it is its guard.
[[nodiscard]] virtual_map::Region boot_stack();

// The L4 frame of the boot page tables, which map the low 4 GiB at their own addresses: the way up for other CPUs.
[[nodiscard]] MachineFrame boot_root();

}  // namespace ringfold
