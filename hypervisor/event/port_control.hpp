// SPDX-License-Identifier: Apache-2.0
//
// What the owner of a bound port can ask for.
#pragma once

#include "hypervisor/event/event_domain.hpp"

namespace ringfold {

// not_found: no such port.
[[nodiscard]] Result<void> mask_port(EventDomain &domain, Port port);
// An event that came while it was masked leads to an upcall now.
[[nodiscard]] Result<void> unmask_port(EventDomain &domain, Port port);
[[nodiscard]] Result<ringfold_event_status> port_status(EventDomain &domain, Port port);

// From now on `vcpu` serves the port; its bits move there. not_found: no such port or vCPU; invalid_argument: it
// belongs to its vCPU (an IPI, a virtual interrupt of a vCPU); out_of_range: the vCPU has no event page for it.
[[nodiscard]] Result<void> move_port(EventDomain &domain, Port port, uint32_t vcpu);

}  // namespace ringfold
