// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 hosts=qemu,bochs timeout=60
//
// A port beyond the limit, in every call that takes one (XSA-317: a guest that had no room for a port's bits could
// still bind it; and numbers past the end of every table). The limit is visible, refuses the first port too many with
// its own error, and gives a port that became free out again. Expected: exact errors, and the count of ports unchanged
// by them.
#include "framework/guest.hpp"

using namespace guest;

namespace {

void refuse_everywhere(uint64_t port) {
    check_status(close_port(static_cast<uint32_t>(port)), -RINGFOLD_ENOENT, "closing it");
    check_status(send_event(static_cast<uint32_t>(port)), -RINGFOLD_ENOENT, "sending to it");
    check_status(unmask_port(static_cast<uint32_t>(port)), -RINGFOLD_ENOENT, "unmasking it");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_MASK, port), -RINGFOLD_ENOENT, "masking it");
    check_status(move_port(static_cast<uint32_t>(port), 0), -RINGFOLD_ENOENT, "moving it");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_STATUS_READ, port, 0), -RINGFOLD_ENOENT, "its status");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, port), -RINGFOLD_ENOENT,
                 "the end of its interrupt");
    const auto number = static_cast<uint32_t>(port);
    check_status(poll_ports(&number, 1, 1), -RINGFOLD_ENOENT, "polling it");
}

}  // namespace

void guest_main() {
    check_equal(event_limits().port_limit, RINGFOLD_EVENT_DEFAULT_LIMIT, "the limit");
    check_ports_bound(0, "ports at the start");
    constexpr uint32_t in_area = RINGFOLD_EVENT_AREA_PORTS - 1;
    for (uint32_t port = 1; port <= in_area; ++port) {
        if (bind_ipi(0) != port) {
            fatal_failure("port %u was not the lowest free one", port);
        }
    }
    // The next one is within the limit, but has no bits without an event page.
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0), -RINGFOLD_ERANGE, "a port without bits");
    check_ports_bound(in_area, "ports after it");
    set_event_page(0, 0, allocate_frame());
    check_equal(bind_ipi(0), RINGFOLD_EVENT_DEFAULT_LIMIT, "the last port");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0), -RINGFOLD_EOVERFLOW, "a port too many");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_VIRTUAL, RINGFOLD_VIRTUAL_IRQ_DEBUG, 0), -RINGFOLD_EOVERFLOW,
                 "a virtual interrupt too many");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, RINGFOLD_DOMAIN_SELF, RINGFOLD_DOMAIN_SELF, 0),
                 -RINGFOLD_EOVERFLOW, "an offer too many");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, RINGFOLD_DOMAIN_SELF, 1, 0), -RINGFOLD_EOVERFLOW,
                 "a connection too many");
    check_ports_bound(RINGFOLD_EVENT_DEFAULT_LIMIT, "ports at the limit");
    for (const uint64_t port :
         Words{0, RINGFOLD_EVENT_DEFAULT_LIMIT + 1, RINGFOLD_EVENT_PAGE_PORTS, RINGFOLD_EVENT_PORTS - 1,
               RINGFOLD_EVENT_PORTS, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff}) {
        refuse_everywhere(port);
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_SEND, 1ULL << 32 | 1), -RINGFOLD_ERANGE, "a port of 33 bits");
    check_equal(take_event(), 0, "events of what was refused");

    check_result(send_event(RINGFOLD_EVENT_DEFAULT_LIMIT), 0, 1, "sending to the last port");
    check_equal(take_event(), RINGFOLD_EVENT_DEFAULT_LIMIT, "the event in the event page");
    check_status(close_port(500), 0, "closing one in the middle");
    check_equal(bind_ipi(0), 500, "the port that became free");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_IPI, 0), -RINGFOLD_EOVERFLOW, "one too many again");
    check_ports_bound(RINGFOLD_EVENT_DEFAULT_LIMIT, "ports at the end");
}
