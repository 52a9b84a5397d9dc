// SPDX-License-Identifier: Apache-2.0
//
// Events that come from the hypervisor itself, and from a domain's own vCPUs.
#pragma once

#include "hypervisor/event/event_domain.hpp"

namespace ringfold {

// already_exists: it is bound, for that vCPU or the domain; limit_reached: too many domains want to hear of the
// machine; otherwise as EventState::bind().
[[nodiscard]] Result<Port> bind_virtual_irq(EventDomain &domain, VirtualIrq irq, uint8_t vcpu);

// An event of a virtual interrupt of a vCPU, or of the domain; nothing if it is not bound.
void raise_virtual_irq(EventDomain &domain, const EventVcpu &vcpu, VirtualIrq irq);
void raise_virtual_irq(EventDomain &domain, VirtualIrq irq);

// A port on which any vCPU of the domain can send to `vcpu`. Errors as EventState::bind().
[[nodiscard]] Result<Port> bind_ipi(EventDomain &domain, uint8_t vcpu);

}  // namespace ringfold
