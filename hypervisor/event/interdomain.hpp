// SPDX-License-Identifier: Apache-2.0
//
// Connections between the ports of two domains (which may be one). The caller refers to every domain that it names.
//
//      offer (A for B)           connect (B)                   close (either end)
//   A  unbound, for B   ----->   interdomain with B's port ->  the other end: unbound, for who closed, and an event
//   B                            interdomain with A's port     the closed one: free
#pragma once

#include "hypervisor/event/event_domain.hpp"

namespace ringfold {

// A port of `domain` that `remote` may connect to. Errors as EventState::bind().
[[nodiscard]] Result<Port> offer_port(EventDomain &domain, EventDomain &remote, uint8_t vcpu);

// A port of `domain`, connected with a port of `remote` that was offered to it. not_found: it was not, or is no longer,
// or no such vCPU; otherwise as EventState::bind().
[[nodiscard]] Result<Port> connect_port(EventDomain &domain, EventDomain &remote, Port remote_port, uint8_t vcpu);

// Sends an event to the other end of an interdomain port, or to the vCPU of an IPI port. The value: was there another
// end? not_found: no such port; invalid_argument: it is of another kind.
[[nodiscard]] Result<bool> send_event(EventDomain &domain, Port port);

// The end with that connection number has gone: `port` of `domain` becomes unbound, with an event.
void disconnect_port(EventDomain &domain, Port port, uint64_t connection);

}  // namespace ringfold
