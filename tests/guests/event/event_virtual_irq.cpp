// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=1 hosts=qemu,bochs
//
// Virtual interrupts: those of a vCPU are bound once for each vCPU, those of a domain once; some need a right, and this
// domain has none. Expected: exact errors, the count of ports unchanged by them; a timer that runs out is an event of
// the vCPU's timer port, once; a guest cannot send on such a port.
#include "framework/guest.hpp"

using namespace guest;

namespace {

Result bind(uint64_t irq, uint64_t vcpu) { return hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_VIRTUAL, irq, vcpu); }

void refusals() {
    check_status(bind(RINGFOLD_VIRTUAL_IRQS, 0), -RINGFOLD_ERANGE, "a virtual interrupt beyond the last");
    check_status(bind(0xffff'ffff, 0), -RINGFOLD_ERANGE, "virtual interrupt -1");
    check_status(bind(RINGFOLD_VIRTUAL_IRQ_DEBUG, 2), -RINGFOLD_ENOENT, "vCPU 2 of 2");
    check_status(bind(RINGFOLD_VIRTUAL_IRQ_DEBUG, 0x101), -RINGFOLD_ENOENT, "vCPU 257");
    for (const uint64_t irq : Words{RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE, RINGFOLD_VIRTUAL_IRQ_LOG,
                                    RINGFOLD_VIRTUAL_IRQ_TRACE, RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE}) {
        check_status(bind(irq, 0), -RINGFOLD_EPERM, "one that needs a right");
    }
    check_ports_bound(0, "ports after what was refused");
}

}  // namespace

void guest_main() {
    refusals();
    const uint32_t timer = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TIMER, 0);
    const uint32_t others_timer = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TIMER, 1);
    const uint32_t console = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_CONSOLE, 1);
    check_status(bind(RINGFOLD_VIRTUAL_IRQ_TIMER, 0), -RINGFOLD_EEXIST, "a vCPU's twice");
    check_status(bind(RINGFOLD_VIRTUAL_IRQ_CONSOLE, 0), -RINGFOLD_EEXIST, "a domain's twice, for another vCPU");
    check_ports_bound(3, "ports");
    check_port(others_timer, RINGFOLD_EVENT_VIRTUAL, 1, 0, RINGFOLD_VIRTUAL_IRQ_TIMER, "status");
    check_status(send_event(timer), -RINGFOLD_EINVAL, "sending on a virtual interrupt");
    check(!is_pending(0, timer), "the refused send arrived");

    const uint64_t begin = system_time();
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, begin + 5 * millisecond);
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
    disable_upcalls();
    check(system_time() >= begin + 5 * millisecond, "the timer was early");
    check_equal(take_event(), timer, "the event of the timer");
    check(!is_pending(1, others_timer), "the other vCPU's timer has an event");
    check_equal(take_event(), 0, "further events");

    // Closed and bound again, it is a port like a new one.
    check_status(close_port(timer), 0, "closing it");
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, 1);
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
    disable_upcalls();
    check_equal(take_event(), 0, "an event of a timer without a port");
    check_equal(bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TIMER, 0), timer, "the lowest free port");
    check_equal(take_event(), 0, "an event from before");
    check_status(close_port(console), 0, "closing the domain's");
    check_equal(bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_CONSOLE, 0), console, "binding it for the other vCPU");
}
