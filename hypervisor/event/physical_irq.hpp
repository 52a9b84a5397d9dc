// SPDX-License-Identifier: Apache-2.0
//
// Devices' interrupts, bound to ports: lines of the IO-APICs, and messages. A level-triggered line is masked when it
// fires, before the local APIC is told, and stays so until the guest says that it has served the device: a line that
// nobody serves is one interrupt.
#pragma once

#include "hypervisor/event/event_domain.hpp"
#include "hypervisor/platform/acpi_madt.hpp"

namespace ringfold {

// Lets the global system interrupt arrive at a port. already_exists: it is bound; not_found: no such pin or vCPU;
// access_denied: the pin raises an NMI; limit_reached: no vector is left; otherwise as EventState::bind().
[[nodiscard]] Result<Port> bind_physical_irq(EventDomain &domain, uint32_t gsi, InterruptWiring wiring, uint8_t vcpu);

// Makes an interrupt for a device that writes a message, which goes to `message`. limit_reached: no vector is left;
// not_found: no such vCPU; otherwise as EventState::bind().
[[nodiscard]] Result<Port> bind_message(EventDomain &domain, uint8_t vcpu, ringfold_event_message &message);

// The guest has served the device. not_found: no such port; invalid_argument: of another kind.
[[nodiscard]] Result<void> end_physical_irq(EventDomain &domain, Port port);

// The interrupt of a port that is being closed is nobody's from now on.
void release_physical_irq(EventDomain &domain, Port port);

// A device's interrupt has arrived; called before the local APIC is told of its end. False: the vector is nobody's (any
// more).
[[nodiscard]] bool deliver_physical_irq(uint8_t vector);

}  // namespace ringfold
