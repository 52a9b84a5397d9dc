// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=1 hosts=qemu,bochs
//
// A connection within one domain, and everything that may be refused about connections. A port is connected only if it
// is offered, to exactly the domain that asks. Expected: the exact error each time and no port more or less; a close
// leaves the other end unbound and tells it; an unbound port takes sends that nobody gets.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t self = RINGFOLD_DOMAIN_SELF;

Result offer(uint64_t domain, uint64_t remote, uint64_t vcpu) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, domain, remote, vcpu);
}
Result connect(uint64_t remote, uint64_t port, uint64_t vcpu) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, remote, port, vcpu);
}

void refusals() {
    const uint32_t own_number = start_info().domain_id;
    check_status(offer(self, 0, 0), -RINGFOLD_ENOENT, "offering to domain 0");
    check_status(offer(self, own_number + 1, 0), -RINGFOLD_ENOENT, "offering to a domain that there is not");
    check_status(offer(self, 0x10000 + own_number, 0), -RINGFOLD_ENOENT, "offering to a number beyond all");
    check_status(offer(self, own_number | 1ULL << 32, 0), -RINGFOLD_ERANGE, "offering to more than 32 bits");
    check_status(offer(self, self, 2), -RINGFOLD_ENOENT, "offering a port of vCPU 2 of 2");
    check_status(offer(self, self, 256), -RINGFOLD_ENOENT, "offering a port of vCPU 256");
    check_status(offer(self, self, 0xffff'ffff), -RINGFOLD_ENOENT, "offering a port of vCPU -1");
    check_status(offer(own_number + 1, self, 0), -RINGFOLD_EPERM, "offering another domain's port without the right");
    check_status(connect(self, 1, 0), -RINGFOLD_ENOENT, "connecting to a free port");
    check_status(connect(self, 0, 0), -RINGFOLD_ENOENT, "connecting to port 0");
    check_status(connect(self, RINGFOLD_EVENT_PORTS, 0), -RINGFOLD_ENOENT, "connecting to a port beyond all");
    check_status(connect(self, 0xffff'ffff, 0), -RINGFOLD_ENOENT, "connecting to port -1");
    check_status(connect(own_number + 1, 1, 0), -RINGFOLD_ENOENT, "connecting to a domain that there is not");
    check_ports_bound(0, "ports after what was refused");
}

}  // namespace

void guest_main() {
    const uint32_t own_number = start_info().domain_id;
    refusals();

    const uint32_t offered = offer_port(self);
    check_equal(offered, 1, "the first port");
    check_port(offered, RINGFOLD_EVENT_UNBOUND, 0, own_number, 0, "an offered port");
    check_result(send_event(offered), 0, 0, "sending to nobody");
    check(!is_pending(0, offered), "nobody got it, but the sender");
    check_status(connect(self, offered, 2), -RINGFOLD_ENOENT, "connecting with vCPU 2 of 2");
    check_port(offered, RINGFOLD_EVENT_UNBOUND, 0, own_number, 0, "an offered port after a refused connect");

    const uint32_t connected = connect_port(own_number, offered, 1);
    check_port(offered, RINGFOLD_EVENT_INTERDOMAIN, 0, own_number, connected, "the offered end");
    check_port(connected, RINGFOLD_EVENT_INTERDOMAIN, 1, own_number, offered, "the connected end");
    check_status(connect(self, offered, 0), -RINGFOLD_ENOENT, "connecting to a connected port");
    check_status(connect(self, connected, 0), -RINGFOLD_ENOENT, "connecting to the connector's end");
    check_ports_bound(2, "ports of one connection");

    check_result(send_event(offered), 0, 1, "sending one way");
    check(port_status(connected).pending == 1 && !is_pending(0, offered), "the event went the wrong way");
    check_result(send_event(connected), 0, 1, "sending the other way");
    check_equal(take_event(), offered, "the event of the way back");

    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, offered), -RINGFOLD_EINVAL,
                 "the end of an interrupt that is none");

    check_status(close_port(connected), 0, "closing one end");
    check_port(offered, RINGFOLD_EVENT_UNBOUND, 0, own_number, 0, "the end that is left");
    check_equal(take_event(), offered, "the event that tells it");
    check_equal(connect_port(self, offered, 0), connected, "connecting again");
    check_equal(port_status(connected).pending, 0, "a new port inherits an event");
    check_status(close_port(offered), 0, "closing the other end");
    check_equal(take_event(), connected, "the event that tells it");
    check_status(close_port(connected), 0, "closing what is left");
    check_ports_bound(0, "ports at the end");
    check_equal(take_event(), 0, "events at the end");
}
