// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 icount=1 timeout=60 hosts=qemu
//
// A vCPU that uses little of the CPU runs within a millisecond of its wake-up, although another one never lets go of
// the CPU. Counted in instructions, so a busy host does not matter.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> stop{0};

void spin(uint64_t) {
    while (stop.load(std::memory_order_acquire) == 0) {
        relax_counted();
    }
}

}  // namespace

void guest_main() {
    start_vcpu(1, spin);
    uint64_t worst = 0;
    for (unsigned round = 0; round < 60; ++round) {
        const uint64_t deadline = system_time() + 4 * millisecond + round * 123 * microsecond;
        check_status(hypercall(RINGFOLD_HYPERCALL_TIMER_SET, deadline), 0, "arming the timer");
        check_status(hypercall(RINGFOLD_HYPERCALL_BLOCK), 0, "blocking");
        const uint64_t now = system_time();
        check(now >= deadline, "woken %lu ns early", deadline - now);
        const uint64_t latency = now - deadline;
        worst = latency > worst ? latency : worst;
    }
    check(worst <= millisecond, "waited for %lu ns after a wake-up", worst);
    print("worst wake-up latency: %lu ns\n", worst);
    stop.store(1, std::memory_order_release);
    join_vcpu(1);
}
