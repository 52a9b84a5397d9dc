// SPDX-License-Identifier: Apache-2.0
//
// All IO-APICs of the machine, by global system interrupt.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/acpi_madt.hpp"

#include <cstdint>

namespace ringfold {

// Maps every IO-APIC of the MADT and masks every pin; the pins that must raise an NMI are opened. An IO-APIC that
// cannot be mapped is an error: its pins could not be masked.
[[nodiscard]] Result<void> initialise_io_apics(const Madt &madt);

// Lets the pin raise `vector` on the processor with that local APIC id (8 bits); it starts masked. Error::not_found: no
// such pin; Error::invalid_argument: a vector that is no device's; Error::access_denied: the pin raises an NMI;
// Error::already_exists: the hypervisor has claimed it.
[[nodiscard]] Result<void> route_interrupt(uint32_t gsi, InterruptWiring wiring, uint8_t vector, uint8_t apic_id);

// The same for a device that the hypervisor drives itself, with a vector of its own: the pin is open, and nobody else's
// from then on.
[[nodiscard]] Result<void> claim_interrupt(uint32_t gsi, InterruptWiring wiring, uint8_t vector, uint8_t apic_id);

[[nodiscard]] Result<void> set_interrupt_masked(uint32_t gsi, bool masked);

}  // namespace ringfold
