// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60 hosts=qemu,bochs
//
// System time never goes back and the one-shot timer fires once, not before its deadline. Expected: a deadline in the
// past fires at once, a later set replaces an earlier one, 0 disarms, `block` returns after the upcall, and the vCPU
// page's run-state clocks account for the blocked time. (In QEMU with -icount: a busy host delays nothing then.)
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t pause_time = 5 * millisecond;

Result set_timer(uint64_t deadline) { return hypercall(RINGFOLD_HYPERCALL_TIMER_SET, deadline); }

uint64_t upcalls() { return this_vcpu().upcalls.load(); }

void time_goes_forward() {
    uint64_t last = system_time();
    for (unsigned i = 0; i < 20'000; ++i) {
        const uint64_t now = system_time();
        if (now < last) {
            fatal_failure("time went back from %lu to %lu", last, now);
        }
        last = now;
    }
    check(last > 0, "system time is 0");
}

void spin(uint64_t nanoseconds) {
    for (const uint64_t end = system_time() + nanoseconds; system_time() < end;) {
        relax();
    }
}

}  // namespace

void guest_main() {
    time_goes_forward();

    const uint64_t begin = system_time();
    check_status(set_timer(begin + pause_time), 0, "arming the timer");
    check_status(hypercall(RINGFOLD_HYPERCALL_BLOCK), 0, "blocking");
    const uint64_t end = system_time();
    check_equal(upcalls(), 1, "upcalls after block");
    check(end - begin >= pause_time, "woken %lu ns early", pause_time - (end - begin));
    check(end - begin < 200 * millisecond, "woken after %lu ns", end - begin);
    check_equal(vcpu_page().interrupt_flag, 1, "block left the flag set");
    // On a busy host most of the pause may pass between arming and blocking.
    const uint64_t blocked = vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED];
    check(blocked > 0 && blocked <= end - begin, "blocked for %lu ns of %lu by the page", blocked, end - begin);

    spin(pause_time);
    check_equal(upcalls(), 1, "upcalls of a one-shot timer");
    check_status(set_timer(1), 0, "a deadline in the past");
    spin(millisecond);
    check_equal(upcalls(), 2, "upcalls after a deadline in the past");

    check_status(set_timer(system_time() + pause_time), 0, "arming it");
    check_status(set_timer(0), 0, "disarming it");
    spin(2 * pause_time);
    check_equal(upcalls(), 2, "upcalls after disarming");

    check_status(set_timer(system_time() + pause_time), 0, "arming it");
    check_status(set_timer(system_time() + 4 * pause_time), 0, "replacing it");
    spin(2 * pause_time);
    check_equal(upcalls(), 2, "upcalls at the replaced deadline");
    spin(3 * pause_time);
    check_equal(upcalls(), 3, "upcalls at the new deadline");

    check_status(set_timer(~uint64_t{0}), 0, "a deadline in 584 years");
    spin(millisecond);
    check_equal(upcalls(), 3, "upcalls before it");
    check_status(set_timer(0), 0, "disarming it");
}
