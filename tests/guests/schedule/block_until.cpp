// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 icount=0 timeout=60 hosts=qemu,bochs
//
// Blocking with a deadline ends at the deadline and not before, without an upcall; or with the first upcall, and then
// the deadline means nothing any more. A deadline in the past does not block: one that a busy machine let pass before
// the call is tried again, further away.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> ready{0};

void block_until(uint64_t deadline) {
    check_status(hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, deadline), 0, "blocking");
}

// Whether it blocked: not when the deadline had passed before the hypervisor saw it.
bool blocks_for(uint64_t duration) {
    const uint64_t blocked = vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED];
    const uint64_t deadline = system_time() + duration;
    block_until(deadline);
    check(system_time() >= deadline, "woken early");
    return vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED] > blocked;
}

void wait_for_notification(uint64_t) {
    const uint64_t far = system_time() + 100'000 * millisecond;
    ready.store(1, std::memory_order_release);
    block_until(far);
    check_equal(this_vcpu().upcalls, 1, "upcalls of the vCPU that was notified");
    check(system_time() < far, "it slept until its deadline");
    // Were the old deadline still there, nothing could be seen of it for long; a new one must hold all the same.
    const uint64_t begin = system_time();
    block_until(begin + 5 * millisecond);
    check(system_time() >= begin + 5 * millisecond, "woken early");
    check_equal(this_vcpu().upcalls, 1, "upcalls after the second wait");
}

}  // namespace

void guest_main() {
    for (unsigned round = 1; round <= 5; ++round) {
        uint64_t duration = round * 2 * millisecond;
        while (!blocks_for(duration) && duration < 2'000 * millisecond) {
            duration *= 2;
        }
        check(duration < 2'000 * millisecond, "it did not block");
        check_equal(this_vcpu().upcalls, 0, "upcalls at the deadline");
        check_equal(vcpu_page().interrupt_flag, 1, "the flag afterwards");
    }
    const uint64_t blocked = vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED];
    block_until(0);
    block_until(1);
    block_until(system_time());
    check_equal(vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED], blocked, "time blocked by deadlines in the past");

    start_vcpu(1, wait_for_notification);
    wait_for(ready, 1);
    while (hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1).value != RINGFOLD_VCPU_BLOCKED) {
        relax();
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), 0, "notifying it");
    join_vcpu(1);
}
