// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ringfold {

// Halts this CPU with interrupts on until one came, unless GuestCpu::reschedule is set.
void wait_for_interrupt();

// Takes the interrupts that are due, between slices of long work on an idle CPU.
void take_interrupts();
// The hypervisor takes interrupts nowhere else.

}  // namespace ringfold
