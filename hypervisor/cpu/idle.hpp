// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ringfold {

// Halts this CPU with interrupts on until one came, unless GuestCpu::reschedule is set. The only place where the
// hypervisor takes interrupts.
void wait_for_interrupt();

}  // namespace ringfold
