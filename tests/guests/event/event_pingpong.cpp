// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=2 beside=event_pingpong timeout=60 hosts=qemu,bochs
//
// Two domains on two CPUs play ping-pong over one connection. Domain 1 offers port 1 to domain 2, which connects; each
// blocks until it has an event and answers. Expected: every ball arrives, none twice; nobody else's ports can be named;
// and when domain 2 closes its end, domain 1 is told, its port is unbound and can be connected again.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t rounds = 150;
constexpr uint32_t offered = 1;

void play(uint32_t port, bool begins) {
    for (uint64_t round = 0; round < rounds; ++round) {
        if (begins) {
            check_result(send_event(port), 0, 1, "sending");
        }
        if (wait_for_event() != port) {
            fatal_failure("round %lu: no event", round);
        }
        if (!begins) {
            check_result(send_event(port), 0, 1, "answering");
        }
    }
}

void first() {
    check_equal(offer_when_there(2), offered, "the offered port");
    check_equal(wait_for_event(), offered, "the first ball");  // then it is connected
    check_port(offered, RINGFOLD_EVENT_INTERDOMAIN, 0, 2, 1, "the offered port, connected");
    play(offered, true);
    check_result(send_event(offered), 0, 1, "the last word");  // or the close would be one event with the last ball

    check_equal(wait_for_event(), offered, "the event of the close");
    check_port(offered, RINGFOLD_EVENT_UNBOUND, 0, 2, 0, "the offered port, unbound");
    check_result(send_event(offered), 0, 0, "sending to nobody");
    // It is still on offer: domain 2 connects once more, and says so.
    const uint32_t again = offer_when_there(2);
    check_equal(again, 2, "the second offer");
    check_equal(wait_for_event(), again, "an event of the second connection");
    check_equal(take_event(), 0, "events at the end");
}

void second() {
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, 1, 77, 0), -RINGFOLD_ENOENT, "a port that is not offered");
    const uint32_t port = connect_when_offered(1, offered);
    check_port(port, RINGFOLD_EVENT_INTERDOMAIN, 0, 1, offered, "the connected port");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, 1, offered, 0), -RINGFOLD_ENOENT, "connecting twice");
    check_result(send_event(port), 0, 1, "saying hello");
    play(port, false);
    check_equal(wait_for_event(), port, "the last word");
    check_status(close_port(port), 0, "closing");
    check_ports_bound(0, "ports after closing");
    const uint32_t again = connect_when_offered(1, 2);
    check_result(send_event(again), 0, 1, "on the second connection");
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == 1) {
        first();
    } else {
        second();
    }
}
