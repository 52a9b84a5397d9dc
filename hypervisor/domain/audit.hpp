// SPDX-License-Identifier: Apache-2.0
//
// The audit of the whole machine: mm/audit.hpp over every domain, with what vCPUs hold counted in.
#pragma once

#include <cstdint>

namespace ringfold {

// Keeps every other CPU in the hypervisor while it counts. Returns the number of frames whose accounting is wrong; each
// is logged. For debug builds; slow.
[[nodiscard]] uint64_t audit_machine();

}  // namespace ringfold
