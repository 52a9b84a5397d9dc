// SPDX-License-Identifier: Apache-2.0
//
// A guest's page table as it would be if its pseudo-physical frames were the machine's: who looks at a core of the
// guest counts in no others.
#pragma once

#include "dom0-tools/library/physical_index.hpp"
#include "hypervisor/mm/entry.hpp"

#include <span>

namespace ringfold::tools {

// Each present entry of a table of `level` names a pseudo-physical frame then. One that names no frame of the guest's
// (but one that another domain has lent to it), or a big page that is none as the guest counts, becomes 0: not present.
// What is not present stays, whatever it says (where a page is that was swapped out).
void make_physical(std::span<uint64_t> entries, Level level, const PhysicalIndex &index);

}  // namespace ringfold::tools
