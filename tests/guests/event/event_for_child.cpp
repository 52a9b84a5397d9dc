// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 smp=1 hosts=qemu,bochs
//
// What a domain that controls others does for a child that it makes: it offers a port of the child's, connects to it
// itself, and hears of the child's end by a virtual interrupt and by the event of the closed port. Expected: the
// child's ports and limits are the child's, visible with the right; nothing can be bound in a domain that is gone.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

Result offer_for(uint64_t domain, uint64_t remote, uint64_t vcpu) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, domain, remote, vcpu);
}

ringfold_event_limits limits_of(uint32_t domain) {
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_LIMITS_READ, domain, 0), 0, "reading the child's limits");
    return *call_buffer<ringfold_event_limits>();
}

// Takes events until both ports had one.
void expect_events(uint32_t first, uint32_t second) {
    bool seen_first = false;
    bool seen_second = false;
    const uint64_t deadline = system_time() + 10'000 * millisecond;
    while (!(seen_first && seen_second) && system_time() < deadline) {
        take_events([&](uint32_t port) {
            seen_first = seen_first || port == first;
            seen_second = seen_second || port == second;
            check(port == first || port == second, "an event of port %u", port);
        });
        arm_timer(millisecond);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
    check(seen_first, "port %u has no event", first);
    check(seen_second, "port %u has no event", second);
}

}  // namespace

void guest_main() {
    const uint32_t self = start_info().domain_id;
    const uint32_t state_port = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE);
    const Child child = create_child();
    fill_child(child);
    check_equal(limits_of(child.id).port_limit, RINGFOLD_EVENT_DEFAULT_LIMIT, "the child's limit");

    check_status(offer_for(child.id, self, 1), -RINGFOLD_ENOENT, "offering a port of vCPU 1 of 1");
    check_status(offer_for(child.id, 3000, 0), -RINGFOLD_ENOENT, "offering it to nobody");
    check_equal(limits_of(child.id).ports_bound, 0, "the child's ports after what was refused");
    check_result(offer_for(child.id, self, 0), 0, 1, "offering the child's first port");
    check_equal(limits_of(child.id).ports_bound, 1, "the child's ports");
    check_ports_bound(1, "our own");
    const uint32_t port = connect_port(child.id, 1);
    check_port(port, RINGFOLD_EVENT_INTERDOMAIN, 0, child.id, 1, "our end");
    check_result(send_event(port), 0, 1, "sending to a vCPU that never ran");

    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_LIMIT_SET, child.id, 1), 0, "lowering the child's limit");
    check_status(offer_for(child.id, self, 0), -RINGFOLD_EOVERFLOW, "one port too many for the child");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_LIMIT_SET, child.id, 2), 0, "raising it");
    check_result(offer_for(child.id, self, 0), 0, 2, "the second port of the child's");
    check_equal(take_event(), 0, "events so far");

    check_status(start_child(child, child_context(child, child_powers_off)), 0, "starting it");
    check_equal(wait_for_event(), state_port, "the event of its end");
    await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_port(port, RINGFOLD_EVENT_INTERDOMAIN, 0, child.id, 1, "our end, as long as it is kept");
    check_status(destroy_domain(child.id), 0, "destroying it");
    expect_events(state_port, port);
    check_port(port, RINGFOLD_EVENT_UNBOUND, 0, child.id, 0, "our end at last");
    check_result(send_event(port), 0, 0, "sending to the dead");
    check_status(offer_for(child.id, self, 0), -RINGFOLD_ENOENT, "offering a port of the dead");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, child.id, 2, 0), -RINGFOLD_ENOENT, "connecting to one");
    check_status(close_port(port), 0, "closing our end");
    check_ports_bound(1, "ports at the end");
}
