// SPDX-License-Identifier: Apache-2.0
//
// What a guest's page tables map, read through the hypervisor.
#pragma once

#include "dom0-tools/library/hypervisor.hpp"
#include "dom0-tools/library/physical_index.hpp"

#include <span>
#include <vector>

namespace ringfold::tools {

struct LinearRange {
    uint64_t address;      // linear
    uint64_t first_frame;  // pseudo-physical
    uint64_t pages;
};

// The kernel half, but for what is no memory of the guest. `root` is a machine frame; at most as many ranges as a core
// file can have. A table that hangs in many places counts at the first four: Linux has tables of its image in its
// direct map, too, but a page at 2^16 addresses (espfix), and a guest can hang tables into each other so often that
// there would be no end of it.
[[nodiscard]] Outcome<std::vector<LinearRange>> kernel_ranges(const Hypervisor &hypervisor, DomainId domain,
                                                              uint64_t root, const PhysicalIndex &index);

}  // namespace ringfold::tools
