// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/event_domain.hpp"

#include <atomic>

namespace ringfold {

namespace {

// Relaxed: only that each number is given once counts.
constinit std::atomic<uint64_t> next_incarnation = 1;

}  // namespace

EventDomain::EventDomain(Domain *domain, DomainId number)
    : owner(domain), id(number), incarnation(next_incarnation.fetch_add(1, std::memory_order_relaxed)) {}

Result<Port> EventState::bind(const PortEntry &entry) {
    EventVcpu *const server = vcpu(entry.vcpu);
    if (server == nullptr || is_going_) {
        return Error::not_found;
    }
    const Port port = TRY(ports_.allocate(limit_));
    if (!server->words().reach(port)) {
        ports_.free(port);
        return Error::out_of_range;
    }
    *ports_.find(port) = entry;
    server->adopt(port);
    return port;
}

PortEntry EventState::unbind(Port port) {
    const PortEntry entry = *ports_.find(port);
    EventVcpu &server = server_of(entry);
    server.drop(port);
    if (entry.kind == PortKind::virtual_irq) {
        VirtualIrqPorts &irqs =
            is_per_vcpu(static_cast<VirtualIrq>(entry.source)) ? server.virtual_irqs : virtual_irqs_;
        irqs[entry.source] = Port{};
    }
    ports_.free(port);
    return entry;
}

PortEntry *EventState::find(Port port) {
    PortEntry *const entry = ports_.find(port);
    return entry != nullptr && !entry->reserved ? entry : nullptr;
}

}  // namespace ringfold
