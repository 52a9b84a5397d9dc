// SPDX-License-Identifier: Apache-2.0
//
// Waiting for ports without an upcall: what a guest kernel does that may take none, in a spinlock for example.
#pragma once

#include "hypervisor/event/event_domain.hpp"

#include <span>

namespace ringfold {

// From now on an event of one of these ports wakes `vcpu`, masked or not. False: one has an event already, and nothing
// was changed. not_found: no such port; access_denied: another vCPU serves it; out_of_range: more than
// RINGFOLD_EVENT_POLL_MAX.
[[nodiscard]] Result<bool> begin_poll(EventDomain &domain, EventVcpu &vcpu, std::span<const Port> ports);

// No port wakes `vcpu` any more.
void end_poll(EventDomain &domain, EventVcpu &vcpu);

}  // namespace ringfold
