// SPDX-License-Identifier: Apache-2.0
//
// The end of a port, and of all ports of a domain.
#pragma once

#include "hypervisor/event/event_domain.hpp"

namespace ringfold {

// The port is free again, and has no event pending. not_found: no such port.
[[nodiscard]] Result<void> close_port(EventDomain &domain, Port port);

// No port can be bound any more, and all are closed. again: preempted. Only when no vCPU of the domain runs.
[[nodiscard]] Result<void> close_all_ports(EventDomain &domain);

}  // namespace ringfold
