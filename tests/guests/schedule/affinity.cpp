// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 rights=0x84 hosts=qemu
//
// A vCPU runs on the CPUs of its affinity and moves when it changes, while it runs, and while it blocks. Expected: the
// CPU that the hypervisor names is never another one; a vCPU of which the CPU was taken goes on elsewhere.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

constinit std::atomic<uint64_t> beats{0};
constinit std::atomic<uint64_t> stop{0};

void beat(uint64_t) {
    while (stop.load(std::memory_order_acquire) == 0) {
        beats.fetch_add(1, std::memory_order_relaxed);
        if (beats.load(std::memory_order_relaxed) % 4096 == 0) {
            hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, system_time() + 100 * microsecond);
        }
    }
}

void set_affinity(uint64_t affinity) {
    *call_buffer<ringfold_vcpu_schedule>() = {.affinity = affinity, .preferred = ~uint64_t{0}, .cpu = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, RINGFOLD_DOMAIN_SELF, 1, 0), 0,
                 "setting the affinity");
}

uint32_t cpu_of_second() {
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, RINGFOLD_DOMAIN_SELF, 1, 0), 0, "asking");
    return call_buffer<ringfold_vcpu_schedule>()->cpu;
}

// Waits until vCPU 1 went on since; ERROR if it never does.
void wait_for_beats() {
    const uint64_t before = beats.load(std::memory_order_relaxed);
    const uint64_t deadline = system_time() + 5000 * millisecond;
    while (beats.load(std::memory_order_relaxed) < before + 10'000) {
        hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, system_time() + millisecond);
        if (system_time() > deadline) {
            fatal_failure("the vCPU does not go on");
        }
    }
}

}  // namespace

void guest_main() {
    start_vcpu(1, beat);
    wait_for_beats();
    for (unsigned round = 0; round < 20; ++round) {
        const uint32_t cpu = round % 2;
        set_affinity(uint64_t{1} << cpu);
        wait_for_beats();
        for (unsigned look = 0; look < 20; ++look) {
            check_equal(cpu_of_second(), cpu, "the CPU of a vCPU that may run on one only");
        }
        wait_for_beats();
    }
    set_affinity(~uint64_t{0});
    wait_for_beats();
    stop.store(1, std::memory_order_release);
    join_vcpu(1);
}
