// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=2 beside=event_peer_dies timeout=60 hosts=qemu,bochs
//
// The other end's domain goes with its ports bound: connected ones, offers, virtual interrupts. Expected of the domain
// that stays: it gets an event on each port that was connected, which is unbound then; sends go nowhere; the dead
// domain cannot be connected to; everything can be closed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t connected = 3;  // ports 1 to 3 of domain 1

void stays() {
    for (uint32_t port = 1; port <= connected; ++port) {
        check_equal(offer_when_there(2), port, "an offer");
    }
    const uint32_t untouched = offer_when_there(2);
    for (uint32_t left = connected; left > 0; --left) {
        // Domain 2 says hello on each of them, one at a time.
        const uint32_t port = wait_for_event();
        check(port >= 1 && port <= connected, "an event of port %u", port);
        check_equal(port_status(port).kind, RINGFOLD_EVENT_INTERDOMAIN, "its kind");
        check_result(send_event(port), 0, 1, "answering");
    }
    uint64_t told = 0;
    const uint64_t deadline = system_time() + 10'000 * millisecond;
    while (told != (1 << connected) - 1 && system_time() < deadline) {
        take_events([&told](uint32_t port) { told |= uint64_t{1} << (port - 1); });
        arm_timer(millisecond);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
    check_equal(told, (1 << connected) - 1, "the ports that were told, as bits");
    for (uint32_t port = 1; port <= untouched; ++port) {
        check_port(port, RINGFOLD_EVENT_UNBOUND, 0, 2, 0, "a port after the death");
        check_result(send_event(port), 0, 0, "sending to the dead");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, 2, 4, 0), -RINGFOLD_ENOENT, "connecting to the dead");
    check_ports_bound(untouched, "ports that are left");
    for (uint32_t port = 1; port <= untouched; ++port) {
        check_status(close_port(port), 0, "closing it");
    }
    check_ports_bound(0, "ports at the end");
    check_equal(take_event(), 0, "events at the end");
}

void goes() {
    uint32_t ports[connected] = {};
    for (uint32_t index = 0; index < connected; ++index) {
        ports[index] = connect_when_offered(1, index + 1);
    }
    offer_port(1);
    bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_DEBUG);
    bind_ipi(0);
    for (const uint32_t port : ports) {
        check_result(send_event(port), 0, 1, "saying hello");
        check_equal(wait_for_event(), port, "the answer");
    }
    check_ports_bound(connected + 3, "ports at its death");
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == 1) {
        stays();
    } else {
        goes();
    }
}
