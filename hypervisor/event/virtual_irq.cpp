// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/event/virtual_irq.hpp"

#include "hypervisor/event/machine_irq.hpp"

namespace ringfold {

namespace {

void raise_bound(EventState &state, const VirtualIrqPorts &ports, VirtualIrq irq) {
    const Port port = ports[static_cast<std::size_t>(irq)];
    if (port != Port{}) {
        state.raise(port, *state.find_any(port));
    }
}

}  // namespace

Result<Port> bind_virtual_irq(EventDomain &domain, VirtualIrq irq, uint8_t vcpu) {
    if (is_about_the_machine(irq)) {
        TRY(begin_listening(domain));
    }
    auto state = domain.lock();
    EventVcpu *const server = state->vcpu(vcpu);
    if (server == nullptr) {
        return Error::not_found;
    }
    const auto number = static_cast<uint32_t>(irq);
    Port &bound = is_per_vcpu(irq) ? server->virtual_irqs[number] : state->virtual_irqs()[number];
    if (bound != Port{}) {
        return Error::already_exists;
    }
    bound = TRY(state->bind({.kind = PortKind::virtual_irq, .vcpu = vcpu, .source = number}));
    return bound;
}

void raise_virtual_irq(EventDomain &domain, const EventVcpu &vcpu, VirtualIrq irq) {
    auto state = domain.lock();
    raise_bound(*state, vcpu.virtual_irqs, irq);
}

void raise_virtual_irq(EventDomain &domain, VirtualIrq irq) {
    auto state = domain.lock();
    raise_bound(*state, state->virtual_irqs(), irq);
}

Result<Port> bind_ipi(EventDomain &domain, uint8_t vcpu) {
    return domain.lock()->bind({.kind = PortKind::ipi, .vcpu = vcpu});
}

}  // namespace ringfold
