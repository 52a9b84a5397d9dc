// SPDX-License-Identifier: Apache-2.0
//
// What a guest's page tables map, read through the hypervisor.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"

#include <span>
#include <vector>

namespace ringfold::tools {

struct LinearRange {
    uint64_t address;      // linear
    uint64_t first_frame;  // pseudo-physical
    uint64_t pages;
};

// The kernel half, but for what is no memory of the guest. `root` is a machine frame, `frames` the machine frames of
// pseudo-physical frames 0, 1, ...; at most as many ranges as a core file can have.
[[nodiscard]] Outcome<std::vector<LinearRange>> kernel_ranges(const Hypervisor &hypervisor, DomainId domain,
                                                              uint64_t root, std::span<const uint64_t> frames);

}  // namespace ringfold::tools
