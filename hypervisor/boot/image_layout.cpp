// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/image_layout.hpp"

extern "C" {
extern const ringfold::ImageLayout linked_image_layout;  // hypervisor.ld
extern char boot_stack_guard[];                          // boot/entry.asm
extern char boot_stack_top[];
extern const uint32_t boot_l4_address;
}

namespace ringfold {

const ImageLayout &image_layout() { return linked_image_layout; }

virtual_map::Region boot_stack() {
    const uint64_t base = reinterpret_cast<uint64_t>(boot_stack_guard) + page_size;
    return {base, reinterpret_cast<uint64_t>(boot_stack_top) - base};
}

MachineFrame boot_root() { return frame_of(MachineAddress{boot_l4_address}); }

}  // namespace ringfold
