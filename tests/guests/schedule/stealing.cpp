// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 rights=0x84 hosts=qemu
//
// A CPU that idles takes over a vCPU that waits elsewhere. Two vCPUs that never block are bound to CPU 0, and share it;
// then both may run anywhere, and nobody tells either where. Expected: soon they are on two CPUs, and neither waits any
// more.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

constinit std::atomic<uint64_t> stop{0};

void spin(uint64_t) {
    while (stop.load(std::memory_order_acquire) == 0) {
        relax();
    }
}

void set_affinity(uint64_t vcpu, uint64_t affinity) {
    *call_buffer<ringfold_vcpu_schedule>() = {.affinity = affinity, .preferred = ~uint64_t{0}, .cpu = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, RINGFOLD_DOMAIN_SELF, vcpu, 0), 0, "the affinity");
}

uint32_t cpu_of(uint64_t vcpu) {
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, RINGFOLD_DOMAIN_SELF, vcpu, 0), 0, "asking");
    return call_buffer<ringfold_vcpu_schedule>()->cpu;
}

void spin_for(uint64_t nanoseconds) {
    for (const uint64_t end = system_time() + nanoseconds; system_time() < end;) {
        relax();
    }
}

}  // namespace

void guest_main() {
    set_affinity(0, 1);
    set_affinity(1, 1);
    start_vcpu(1, spin);
    spin_for(100 * millisecond);
    check_equal(cpu_of(0), 0, "CPU of vCPU 0");
    check_equal(cpu_of(1), 0, "CPU of vCPU 1");
    check(vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE] > 20 * millisecond, "two on one CPU, and vCPU 0 never waited");
    // vCPU 0 stays where it is; nothing moves vCPU 1 but a CPU that has nothing to do.
    set_affinity(1, ~uint64_t{0});
    const uint64_t deadline = system_time() + 10'000 * millisecond;
    while (cpu_of(1) == cpu_of(0)) {
        if (system_time() > deadline) {
            fatal_failure("CPU 1 idles, and vCPU 1 waits for CPU 0");
        }
        spin_for(millisecond);
    }
    // The machine beneath may stop a processor for a while: of ten looks, one without that is enough. Were the two on
    // one CPU, vCPU 0 would wait for half of every look.
    uint64_t least = ~uint64_t{0};
    for (unsigned look = 0; look < 10 && least >= 5 * millisecond; ++look) {
        const uint64_t waited = vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE];
        spin_for(200 * millisecond);
        const uint64_t waited_more = vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE] - waited;
        least = waited_more < least ? waited_more : least;
    }
    check(least < 5 * millisecond, "vCPU 0 waited for at least %lu ns of 200 ms beside an idle CPU", least);
    stop.store(1, std::memory_order_release);
    join_vcpu(1);
}
