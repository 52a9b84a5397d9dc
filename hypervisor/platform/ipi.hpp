// SPDX-License-Identifier: Apache-2.0
//
// Interrupts between processors, by CPU number. What a CPU wrote before it sends, the receiver sees.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {

// To a CPU that is online; also to itself.
void send_ipi(CpuId target, uint8_t vector);
void send_nmi(CpuId target);

// Reaches every other CPU that is up. Does nothing before the local APIC is, so that an early panic can call it.
void send_nmi_to_all_others();

}  // namespace ringfold
