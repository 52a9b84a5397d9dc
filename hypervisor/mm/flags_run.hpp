// SPDX-License-Identifier: Apache-2.0
//
// The flags of a run of entries change together, all or none: mprotect and fork in one operation.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/domain_memory.hpp"

#include <cstdint>

namespace ringfold {

// Every present leaf of the run becomes (old & ~mask) | (value & mask).
struct FlagsRun {
    MachineAddress first;
    uint64_t count;  // entries, 1..512, all in the table that `first` is in
    uint64_t value;
    uint64_t mask;
};

// invalid_argument: no such run or mask; bad_frame, not_found: as for set_entry(); access_denied, busy, limit_reached:
// an entry refuses the change, no entry was changed.
Result<void> change_flags(DomainMemory &memory, const FlagsRun &run);

}  // namespace ringfold
