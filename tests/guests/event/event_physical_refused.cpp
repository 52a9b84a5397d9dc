// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 hosts=qemu,bochs
//
// Interrupt lines are for who holds the right `hardware`, and limits of others for who holds `control`; this domain
// holds neither. Expected: not permitted, whatever the arguments, and no port, no changed limit.
#include "framework/guest.hpp"

using namespace guest;

void guest_main() {
    for (const uint64_t gsi : Words{0, 2, 4, 1000, 0xffff'ffff}) {
        for (const uint64_t flags : Words{0, RINGFOLD_EVENT_LEVEL, 0xff}) {
            check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_PHYSICAL, gsi, flags, 0), -RINGFOLD_EPERM,
                         "binding a line without the right");
        }
    }
    for (const uint64_t domain : Words{1, 2, RINGFOLD_DOMAIN_SELF}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_LIMIT_SET, domain, 2000), -RINGFOLD_EPERM,
                     "setting a limit without the right");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_LIMITS_READ, 2, 0), -RINGFOLD_EPERM, "another's limits");
    check_equal(event_limits().port_limit, RINGFOLD_EVENT_DEFAULT_LIMIT, "the limit");
    check_ports_bound(0, "ports");
}
