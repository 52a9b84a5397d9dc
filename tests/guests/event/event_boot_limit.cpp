// SPDX-License-Identifier: Apache-2.0
// guest: ports=5 hosts=qemu,bochs
//
// The limit of event ports that a boot module's command line gives. Expected: it is what event_limits_read says, the
// sixth port is refused with the limit's own error whatever it would be bound to, and a close makes room for one.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t limit = 5;

}  // namespace

void guest_main() {
    check_equal(event_limits().port_limit, limit, "the limit");
    for (uint32_t port = 1; port <= limit; ++port) {
        check_equal(offer_port(RINGFOLD_DOMAIN_SELF), port, "an offered port");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, RINGFOLD_DOMAIN_SELF, RINGFOLD_DOMAIN_SELF, 0),
                 -RINGFOLD_EOVERFLOW, "one more");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, RINGFOLD_DOMAIN_SELF, 1, 0), -RINGFOLD_EOVERFLOW,
                 "the other end of one");
    check_port(1, RINGFOLD_EVENT_UNBOUND, 0, start_info().domain_id, 0, "the port that was not connected");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0), -RINGFOLD_EOVERFLOW, "an IPI port");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_VIRTUAL, RINGFOLD_VIRTUAL_IRQ_TIMER, 0), -RINGFOLD_EOVERFLOW,
                 "the timer's port");
    check_ports_bound(limit, "ports after what was refused");
    check_status(close_port(3), 0, "closing one");
    check_equal(connect_port(RINGFOLD_DOMAIN_SELF, 1), 3, "the port that became free");
    check_status(close_port(3), 0, "closing it");
    check_equal(bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TIMER), 3, "bound to what was refused before");
    check_ports_bound(limit, "ports at the end");
}
