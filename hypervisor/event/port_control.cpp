// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/port_control.hpp"

namespace ringfold {

namespace {

bool stays_with_its_vcpu(const PortEntry &entry) {
    return entry.kind == PortKind::ipi ||
           (entry.kind == PortKind::virtual_irq && is_per_vcpu(static_cast<VirtualIrq>(entry.source)));
}

void move_bits(EventVcpu &from, EventVcpu &to, Port port) {
    const bool masked = from.words().is_masked(port);
    // Either the vCPU that served the port until now takes the event, or the other one will.
    const bool pending = from.words().clear_pending(port);
    from.drop(port);
    to.adopt(port);
    if (masked) {
        to.words().set_masked(port);
    }
    if (pending) {
        to.raise(port);
    }
}

}  // namespace

Result<void> mask_port(EventDomain &domain, Port port) {
    auto state = domain.lock();
    const PortEntry *const entry = state->find(port);
    if (entry == nullptr) {
        return Error::not_found;
    }
    state->server_of(*entry).words().set_masked(port);
    return {};
}

Result<void> unmask_port(EventDomain &domain, Port port) {
    auto state = domain.lock();
    const PortEntry *const entry = state->find(port);
    if (entry == nullptr) {
        return Error::not_found;
    }
    state->server_of(*entry).unmask(port);
    return {};
}

Result<ringfold_event_status> port_status(EventDomain &domain, Port port) {
    auto state = domain.lock();
    const PortEntry *const entry = state->find(port);
    if (entry == nullptr) {
        return Error::not_found;
    }
    const EventWords words = state->server_of(*entry).words();
    const bool is_unbound = entry->kind == PortKind::unbound;
    const uint32_t remote = entry->remote != nullptr ? entry->remote->id.raw() : 0;
    return ringfold_event_status{.kind = static_cast<uint32_t>(entry->kind),
                                 .vcpu = entry->vcpu,
                                 .domain = is_unbound ? entry->source : remote,
                                 .source = is_unbound ? 0 : entry->source,
                                 .pending = words.is_pending(port) ? 1U : 0U,
                                 .masked = words.is_masked(port) ? 1U : 0U};
}

Result<void> move_port(EventDomain &domain, Port port, uint32_t vcpu) {
    auto state = domain.lock();
    PortEntry *const entry = state->find(port);
    EventVcpu *const target = state->vcpu(vcpu);
    if (entry == nullptr || target == nullptr) {
        return Error::not_found;
    }
    if (stays_with_its_vcpu(*entry)) {
        return Error::invalid_argument;
    }
    EventVcpu &server = state->server_of(*entry);
    if (&server == target) {
        return {};
    }
    if (!target->words().reach(port)) {
        return Error::out_of_range;
    }
    move_bits(server, *target, port);
    entry->vcpu = static_cast<uint8_t>(vcpu);
    return {};
}

}  // namespace ringfold
