// SPDX-License-Identifier: Apache-2.0
//
// Virtual interrupts about the machine rather than about the domain that has them: several domains may want to know.
#pragma once

#include "hypervisor/event/event_domain.hpp"

namespace ringfold {

[[nodiscard]] constexpr bool is_about_the_machine(VirtualIrq irq) {
    return irq == VirtualIrq::domain_state || irq == VirtualIrq::log || irq == VirtualIrq::trace ||
           irq == VirtualIrq::domain_console;
}

// The domain is to hear of these from now on, if it binds them. limit_reached: too many want to.
[[nodiscard]] Result<void> begin_listening(EventDomain &domain);
// Before it goes.
void stop_listening(EventDomain &domain);

// An event for each domain that has the interrupt bound.
void raise_machine_irq(VirtualIrq irq);

}  // namespace ringfold
