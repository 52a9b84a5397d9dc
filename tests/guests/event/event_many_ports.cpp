// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=2 memory=24M rights=0x83 beside=event_many_ports timeout=120 hosts=qemu
//
// Two domains that may control each other: each raises the other's limit of ports, then binds 40,000, whose bits lie in
// three event pages. Expected: the lowest free number every time, an event in the right word of the right page, a limit
// that can be lowered below what is bound without harm; and at the end both domains go with all of it bound.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t port_count = 40'000;
constexpr uint32_t raised_limit = 50'000;

uint32_t other_domain() { return 3 - start_info().domain_id; }

Result set_limit(uint64_t domain, uint64_t limit) {
    return hypercall(RINGFOLD_HYPERCALL_EVENT_LIMIT_SET, domain, limit);
}

void wait_for_the_other() {
    const uint64_t deadline = system_time() + 20'000 * millisecond;
    while (!hypercall(RINGFOLD_HYPERCALL_EVENT_LIMITS_READ, other_domain(), 0).ok()) {
        if (system_time() > deadline) {
            error("there is no other domain");
        }
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

void check_limit_rules() {
    check_status(set_limit(start_info().domain_id, 10), -RINGFOLD_EINVAL, "setting one's own limit");
    check_status(set_limit(RINGFOLD_DOMAIN_SELF, 10), -RINGFOLD_EINVAL, "setting one's own limit by another name");
    check_status(set_limit(3000, 10), -RINGFOLD_ENOENT, "setting the limit of a domain that there is not");
    check_status(set_limit(other_domain(), RINGFOLD_EVENT_PORTS), -RINGFOLD_ERANGE, "a limit above all port numbers");
    check_status(set_limit(other_domain(), 0xffff'ffff), -RINGFOLD_ERANGE, "a limit of 2^32 - 1");
    check_status(set_limit(other_domain(), raised_limit), 0, "raising the other's limit");
}

void wait_for_limit() {
    const uint64_t deadline = system_time() + 20'000 * millisecond;
    while (event_limits().port_limit != raised_limit) {
        if (system_time() > deadline) {
            error("the other domain does not raise the limit");
        }
        arm_timer(millisecond);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
        disable_upcalls();
    }
}

void check_event(uint32_t port) {
    check_result(send_event(port), 0, 1, "sending");
    check_equal(take_event(), port, "the port with an event");
}

}  // namespace

void guest_main() {
    wait_for_the_other();
    check_limit_rules();
    wait_for_limit();
    for (uint32_t index = 0; index <= port_count / RINGFOLD_EVENT_PAGE_PORTS; ++index) {
        set_event_page(0, index, allocate_frame());
    }
    for (uint32_t port = 1; port <= port_count; ++port) {
        if (bind_ipi(0) != port) {
            fatal_failure("port %u was not the lowest free one", port);
        }
    }
    check_ports_bound(port_count, "ports");
    for (const uint32_t port : {1U, 63U, 64U, 1023U, 1024U, 4095U, 4096U, 16383U, 16384U, 32767U, 32768U, port_count}) {
        check_event(port);
    }
    check_status(close_port(20'000), 0, "closing one");
    check_status(close_port(5'000), 0, "closing another");
    check_equal(bind_ipi(0), 5'000, "the lower one is given out first");
    check_equal(bind_ipi(0), 20'000, "then the higher one");
    check_event(20'000);
}
