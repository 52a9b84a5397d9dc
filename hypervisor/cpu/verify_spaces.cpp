// SPDX-License-Identifier: Apache-2.0
//
// The check of space_check.hpp on the spaces of this machine.
#include "hypervisor/boot/image_layout.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/space_check.hpp"
#include "hypervisor/lib/panic.hpp"

#include <array>

namespace ringfold {

void verify_spaces() {
    std::array<const CpuSpace *, max_cpus> spaces;
    std::size_t count = 0;
    for_each_cpu([&](const PerCpu &each) { spaces[count++] = &each.space; });
    const auto breach = find_space_breach(std::span(spaces).first(count), boot_stack().base - page_size);
    if (breach) {
        panic("address space: rule broken at {:#x}: {}", breach->address, breach->rule);
    }
}

}  // namespace ringfold
