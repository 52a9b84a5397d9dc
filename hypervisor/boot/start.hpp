// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ringfold {

// The second half of the boot, in the hypervisor's own address space: memory accounting, the machine, the gate on every
// CPU, the domains that the boot loader brought. Ends in the scheduler.
[[noreturn]] void start_ringfold();

}  // namespace ringfold
