// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/close.hpp"

#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/event/interdomain.hpp"
#include "hypervisor/event/machine_irq.hpp"
#include "hypervisor/event/physical_irq.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <optional>

namespace ringfold {

namespace {

// Takes the entry out of the table; nothing if a device's interrupt has to be given back before.
Result<std::optional<PortEntry>> take_out(EventDomain &domain, Port port) {
    auto state = domain.lock();
    PortEntry *const entry = state->find(port);
    if (entry == nullptr) {
        return Error::not_found;
    }
    if (entry->kind == PortKind::physical_irq || entry->kind == PortKind::message) {
        entry->reserved = true;
        return std::optional<PortEntry>{};
    }
    return std::optional{state->unbind(port)};
}

}  // namespace

Result<void> close_port(EventDomain &domain, Port port) {
    const std::optional<PortEntry> entry = TRY(take_out(domain, port));
    if (!entry.has_value()) {
        release_physical_irq(domain, port);
        domain.lock()->unbind(port);
        return {};
    }
    if (entry->kind == PortKind::interdomain) {
        disconnect_port(*entry->remote, Port{entry->source}, entry->connection);
        event_machine::unrefer(*entry->remote);
    }
    return {};
}

Result<void> close_all_ports(EventDomain &domain) {
    domain.lock()->refuse_binds();
    stop_listening(domain);
    for (;;) {
        const Port port = domain.lock()->next(Port{});
        if (port == Port{}) {
            return {};
        }
        invariant(close_port(domain, port).ok(), "a port of an ending domain is in use");
        if (machine::preemption_due()) {
            return Error::again;
        }
    }
}

}  // namespace ringfold
