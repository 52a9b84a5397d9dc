// SPDX-License-Identifier: Apache-2.0
//
// Does slot 256 hold what it must, and nothing else? Read from the page tables themselves, at boot and whenever a test
// asks: no byte of machine memory both writable and executable by any way, nothing for ring 3, nothing global, a hole
// below and above every stack, and in the guests' face only what belongs there.
#pragma once

#include "hypervisor/cpu/cpu_space.hpp"
#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringfold {

struct SpaceBreach {
    std::string_view rule;
    uint64_t address;  // where it is broken
};

// The first breach in these CPUs' spaces. `boot_stack_guard`: the page of the image that must not be mapped.
[[nodiscard]] std::optional<SpaceBreach> find_space_breach(std::span<const CpuSpace *const> spaces,
                                                           uint64_t boot_stack_guard);

// The same for every CPU that has a space; panics if there is a breach.
void verify_spaces();

}  // namespace ringfold
