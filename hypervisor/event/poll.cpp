// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/poll.hpp"

namespace ringfold {

Result<bool> begin_poll(EventDomain &domain, EventVcpu &vcpu, std::span<const Port> ports) {
    if (ports.size() > RINGFOLD_EVENT_POLL_MAX) {
        return Error::out_of_range;
    }
    auto state = domain.lock();
    bool any_pending = false;
    for (const Port port : ports) {
        const PortEntry *const entry = state->find(port);
        if (entry == nullptr) {
            return Error::not_found;
        }
        if (&state->server_of(*entry) != &vcpu) {
            return Error::access_denied;
        }
        any_pending = any_pending || vcpu.words().is_pending(port);
    }
    if (!any_pending) {
        vcpu.polled.set(ports);
    }
    return !any_pending;
}

void end_poll(EventDomain &domain, EventVcpu &vcpu) {
    auto state = domain.lock();
    vcpu.polled.clear();
}

}  // namespace ringfold
