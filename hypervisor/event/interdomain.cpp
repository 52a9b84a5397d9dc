// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/interdomain.hpp"

#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <atomic>
#include <utility>

namespace ringfold {

namespace {

// Relaxed: only that each number is given once counts.
constinit std::atomic<uint64_t> next_connection = 1;

// Binds `entry`, which refers to its remote domain from then on.
Result<Port> bind_referring(EventDomain &domain, const PortEntry &entry) {
    event_machine::refer(*entry.remote);
    Result<Port> port = domain.lock()->bind(entry);
    if (!port.ok()) {
        event_machine::unrefer(*entry.remote);
    }
    return port;
}

// The far side of connect_port().
Result<void> accept(EventDomain &domain, Port port, EventDomain &from, Port from_port, uint64_t connection) {
    auto state = domain.lock();
    PortEntry *const entry = state->find(port);
    if (entry == nullptr || entry->kind != PortKind::unbound || entry->connection != from.incarnation) {
        return Error::not_found;
    }
    event_machine::refer(from);
    entry->remote = &from;
    entry->kind = PortKind::interdomain;
    entry->source = from_port.raw();
    entry->connection = connection;
    return {};
}

void deliver(EventDomain &domain, Port port, uint64_t connection) {
    auto state = domain.lock();
    const PortEntry *const entry = state->find_any(port);
    if (entry != nullptr && entry->kind == PortKind::interdomain && entry->connection == connection) {
        state->raise(port, *entry);
    }
}

// What send_event() does under the sender's lock. A copy of the entry, whose remote domain (if any) is referred to.
Result<PortEntry> begin_send(EventDomain &domain, Port port) {
    auto state = domain.lock();
    const PortEntry *const entry = state->find(port);
    if (entry == nullptr) {
        return Error::not_found;
    }
    switch (entry->kind) {
        case PortKind::interdomain:
            event_machine::refer(*entry->remote);
            return *entry;
        case PortKind::unbound:
            return PortEntry{};
        case PortKind::ipi:
            state->raise(port, *entry);
            return *entry;
        case PortKind::virtual_irq:
        case PortKind::physical_irq:
        case PortKind::message:
            return Error::invalid_argument;
    }
    return Error::invalid_argument;
}

}  // namespace

Result<Port> offer_port(EventDomain &domain, EventDomain &remote, uint8_t vcpu) {
    return domain.lock()->bind(
        {.kind = PortKind::unbound, .vcpu = vcpu, .source = remote.id.raw(), .connection = remote.incarnation});
}

Result<Port> connect_port(EventDomain &domain, EventDomain &remote, Port remote_port, uint8_t vcpu) {
    const uint64_t connection = next_connection.fetch_add(1, std::memory_order_relaxed);
    // The far side may send, or close, as soon as it has accepted: the near side is complete before. Until both are,
    // nobody here can name the port.
    const Port port = TRY(bind_referring(domain, {.kind = PortKind::interdomain,
                                                  .vcpu = vcpu,
                                                  .reserved = true,
                                                  .source = remote_port.raw(),
                                                  .connection = connection,
                                                  .remote = &remote}));
    const Result<void> accepted = accept(remote, remote_port, domain, port, connection);
    {
        auto state = domain.lock();
        if (accepted.ok()) {
            state->find_any(port)->reserved = false;
            return port;
        }
        state->unbind(port);
    }
    event_machine::unrefer(remote);
    return accepted.error();
}

Result<bool> send_event(EventDomain &domain, Port port) {
    const PortEntry entry = TRY(begin_send(domain, port));
    if (entry.kind == PortKind::interdomain) {
        deliver(*entry.remote, Port{entry.source}, entry.connection);
        event_machine::unrefer(*entry.remote);
    }
    return entry.kind != PortKind::unbound;
}

void disconnect_port(EventDomain &domain, Port port, uint64_t connection) {
    EventDomain *closer = nullptr;
    {
        auto state = domain.lock();
        PortEntry *const entry = state->find_any(port);
        if (entry == nullptr || entry->kind != PortKind::interdomain || entry->connection != connection) {
            return;
        }
        closer = std::exchange(entry->remote, nullptr);
        entry->kind = PortKind::unbound;
        entry->source = closer->id.raw();
        entry->connection = closer->incarnation;
        state->raise(port, *entry);
    }
    event_machine::unrefer(*closer);
}

}  // namespace ringfold
