// SPDX-License-Identifier: Apache-2.0
//
// Bringing up the application processors.
#pragma once

#include "hypervisor/lib/units.hpp"

namespace ringfold {

// What a processor does once it is up; on its main stack, interrupts off.
using CpuMain = void (*)();

// Starts every numbered processor, one after the other; each ends in `run`. `trampoline` is a free frame below 1 MiB,
// which is the caller's again afterwards. A processor that does not answer is named and left out. Wants time and the
// local APIC.
void bring_up_cpus(MachineFrame trampoline, CpuMain run);

}  // namespace ringfold
