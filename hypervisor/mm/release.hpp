// SPDX-License-Identifier: Apache-2.0
//
// The last step of a frame's life with a domain, for assignment and teardown.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"

namespace ringfold {

// The domain's frame becomes nobody's, flushed everywhere. busy: there is a use.
Result<void> release(LockedMemory &memory, MachineFrame frame);

}  // namespace ringfold
