// SPDX-License-Identifier: Apache-2.0
//
// Event channels of the calling domain.
#include "hypervisor/cpu/count.hpp"
#include "hypervisor/domain/access.hpp"
#include "hypervisor/event/close.hpp"
#include "hypervisor/event/interdomain.hpp"
#include "hypervisor/event/physical_irq.hpp"
#include "hypervisor/event/poll.hpp"
#include "hypervisor/event/port_control.hpp"
#include "hypervisor/event/virtual_irq.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <array>
#include <atomic>
#include <span>

namespace ringfold::hypercall {

namespace {

// As an EventState knows vCPUs: no domain has more of them.
Result<uint8_t> vcpu_number(const Vcpu &caller, uint32_t vcpu) {
    if (caller.domain.vcpu(vcpu) == nullptr) {
        return Error::not_found;
    }
    return static_cast<uint8_t>(vcpu);
}

Returns_value number_of(const Result<Port> &port) {
    return port.ok() ? Returns_value{uint64_t{port.value().raw()}} : Returns_value{port.error()};
}

// What the caller must hold to be told of others' doings.
Result<void> check_virtual_irq_right(Rights rights, VirtualIrq irq) {
    const auto holds = [rights](Right right) { return rights.has(right) ? Result<void>{} : Error::not_permitted; };
    switch (irq) {
        case VirtualIrq::timer:
        case VirtualIrq::debug:
        case VirtualIrq::console:
        case VirtualIrq::control:
            return {};
        case VirtualIrq::domain_state:
            return holds(Right::inspect);
        case VirtualIrq::log:
        case VirtualIrq::domain_console:
            return holds(Right::console);
        case VirtualIrq::trace:
            return holds(Right::trace);
    }
    return Error::invalid_argument;
}

bool has_open_upcall(const Vcpu &vcpu) {
    return std::atomic_ref<uint8_t>(vcpu.page->interrupt_flag).load(std::memory_order_relaxed) != 0 &&
           std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).load(std::memory_order_seq_cst) != 0;
}

}  // namespace

Returns_nothing event_page_set(Vcpu &caller, uint32_t vcpu, uint32_t index, uint64_t frame) {
    Vcpu *const target = TRY(caller.domain.find_vcpu(vcpu));
    if (index >= RINGFOLD_EVENT_PAGES) {
        return Error::out_of_range;
    }
    TypeReference page;  // given back when the lock is not held any more
    if (frame == RINGFOLD_NO_FRAME) {
        auto state = caller.domain.events.lock();
        TRY(target->events.detach(index));
        std::swap(page, target->event_pages[index]);
        return {};
    }
    page = TRY(hold_writable(caller.domain.memory, MachineFrame{frame}));
    auto state = caller.domain.events.lock();
    TRY(target->events.attach(index, *pointer_to<ringfold_event_page>(page.frame())));
    std::swap(page, target->event_pages[index]);
    return {};
}

Returns_value event_offer(Vcpu &caller, uint32_t domain, uint32_t remote, uint32_t vcpu) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::control));
    const DomainReference peer = TRY(find_peer(caller.domain, remote));
    if (target->vcpu(vcpu) == nullptr) {
        return Error::not_found;
    }
    return number_of(offer_port(target->events, peer->events, static_cast<uint8_t>(vcpu)));
}

Returns_value event_connect(Vcpu &caller, uint32_t remote, uint32_t remote_port, uint32_t vcpu) {
    const uint8_t server = TRY(vcpu_number(caller, vcpu));
    const DomainReference peer = TRY(find_peer(caller.domain, remote));
    return number_of(connect_port(caller.domain.events, peer->events, Port{remote_port}, server));
}

Returns_value event_bind_virtual(Vcpu &caller, uint32_t irq, uint32_t vcpu) {
    if (irq >= RINGFOLD_VIRTUAL_IRQS) {
        return Error::out_of_range;
    }
    TRY(check_virtual_irq_right(caller.domain.rights, static_cast<VirtualIrq>(irq)));
    const uint8_t server = TRY(vcpu_number(caller, vcpu));
    return number_of(bind_virtual_irq(caller.domain.events, static_cast<VirtualIrq>(irq), server));
}

Returns_value event_bind_physical(Vcpu &caller, uint32_t gsi, uint32_t flags, uint32_t vcpu) {
    constexpr uint32_t all_flags = RINGFOLD_EVENT_LEVEL | RINGFOLD_EVENT_ACTIVE_LOW;
    if ((flags & ~all_flags) != 0) {
        return Error::invalid_argument;
    }
    const uint8_t server = TRY(vcpu_number(caller, vcpu));
    const InterruptWiring wiring{
        .polarity = (flags & RINGFOLD_EVENT_ACTIVE_LOW) != 0 ? Polarity::active_low : Polarity::active_high,
        .trigger = (flags & RINGFOLD_EVENT_LEVEL) != 0 ? TriggerMode::level : TriggerMode::edge};
    return number_of(bind_physical_irq(caller.domain.events, gsi, wiring, server));
}

Returns_value event_bind_message(Vcpu &caller, uint32_t vcpu, uint64_t offset) {
    const uint8_t server = TRY(vcpu_number(caller, vcpu));
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_event_message)));
    ringfold_event_message message{};
    const Port port = TRY(bind_message(caller.domain.events, server, message));
    TRY(caller.call_buffer.write_object(offset, message));
    return uint64_t{port.raw()};
}

Returns_value event_bind_ipi(Vcpu &caller, uint32_t vcpu) {
    return number_of(bind_ipi(caller.domain.events, TRY(vcpu_number(caller, vcpu))));
}

Returns_nothing event_close(Vcpu &caller, uint32_t port) { return close_port(caller.domain.events, Port{port}); }

Returns_value event_send(Vcpu &caller, uint32_t port) {
    const bool arrived = TRY(send_event(caller.domain.events, Port{port}));
    count_one(&Counts::events_sent);
    return uint64_t{arrived ? 1U : 0U};
}

Returns_nothing event_mask(Vcpu &caller, uint32_t port) { return mask_port(caller.domain.events, Port{port}); }

Returns_nothing event_unmask(Vcpu &caller, uint32_t port) { return unmask_port(caller.domain.events, Port{port}); }

Returns_nothing event_end_of_interrupt(Vcpu &caller, uint32_t port) {
    return end_physical_irq(caller.domain.events, Port{port});
}

Returns_nothing event_move(Vcpu &caller, uint32_t port, uint32_t vcpu) {
    return move_port(caller.domain.events, Port{port}, vcpu);
}

Returns_nothing event_status_read(Vcpu &caller, uint32_t port, uint64_t offset) {
    TRY(caller.call_buffer.check(offset, sizeof(ringfold_event_status)));
    return caller.call_buffer.write_object(offset, TRY(port_status(caller.domain.events, Port{port})));
}

Returns_nothing event_limits_read(Vcpu &caller, uint32_t domain, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::inspect));
    const ringfold_event_limits limits = target->events.lock()->limits();
    return caller.call_buffer.write_object(offset, limits);
}

Returns_nothing event_limit_set(Vcpu &caller, uint32_t domain, uint32_t port_limit) {
    const DomainReference target = TRY(find_other(caller.domain, domain, Right::control));
    if (port_limit >= RINGFOLD_EVENT_PORTS) {
        return Error::out_of_range;
    }
    target->events.lock()->set_limit(port_limit);
    return {};
}

Returns_nothing event_poll(Vcpu &caller, uint64_t offset, uint32_t count, uint64_t deadline) {
    if (count > RINGFOLD_EVENT_POLL_MAX) {
        return Error::out_of_range;
    }
    std::array<uint32_t, RINGFOLD_EVENT_POLL_MAX> numbers{};
    TRY(caller.call_buffer.read_array(offset, std::span{numbers}.first(count)));
    std::array<Port, RINGFOLD_EVENT_POLL_MAX> ports;
    for (uint32_t index = 0; index < count; ++index) {
        ports[index] = Port{numbers[index]};
    }
    scheduler::begin_wait();
    const bool none_pending =
        TRY(begin_poll(caller.domain.events, caller.events, std::span{std::as_const(ports)}.first(count)));
    if (none_pending && !has_open_upcall(caller)) {
        scheduler::wait_until(deadline == 0 ? scheduler::no_deadline : deadline);
    }
    return {};
}

}  // namespace ringfold::hypercall
