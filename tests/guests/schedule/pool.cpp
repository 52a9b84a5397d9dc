// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=3 timeout=60 rights=0x84 hosts=qemu
//
// A domain runs on the CPUs of its pool only, whatever its affinity; in a pool that is one to one each of its vCPUs
// owns a CPU, and one for which there is none cannot start. Expected: the vCPU moves with the pool; the second one is
// refused with EBUSY until a CPU is there, and then both run on CPUs of their own, which cannot be taken from them.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

constexpr uint32_t shared = 3;
constexpr uint32_t one_to_one = 4;

constinit std::atomic<uint64_t> stop{0};
constinit std::atomic<uint64_t> started{0};

void spin(uint64_t) {
    started.store(1, std::memory_order_release);
    while (stop.load(std::memory_order_acquire) == 0) {
        relax();
    }
}

void move_to(uint32_t pool) {
    *call_buffer<ringfold_domain_schedule>() = {.weight = 256, .cap = 0, .pool = pool, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, RINGFOLD_DOMAIN_SELF, 0), 0, "moving the domain");
}

void move_cpu(uint64_t cpu, uint64_t pool, int64_t status, const char *what) {
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, cpu, pool), status, what);
}

uint32_t cpu_of(uint64_t vcpu) {
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, RINGFOLD_DOMAIN_SELF, vcpu, 0), 0, "asking");
    return call_buffer<ringfold_vcpu_schedule>()->cpu;
}

int64_t start_second() {
    fill_vcpu_context(*call_buffer<ringfold_vcpu_context>(), 1, spin, 0);
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0).status;
}

}  // namespace

void guest_main() {
    move_cpu(1, shared, 0, "a CPU for the shared pool");
    move_to(shared);
    hypercall(RINGFOLD_HYPERCALL_YIELD);
    check_equal(cpu_of(0), 1, "the CPU, in the shared pool");

    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, one_to_one, RINGFOLD_POOL_ONE_TO_ONE), 0, "the mode");
    move_cpu(0, one_to_one, 0, "a CPU for the other pool");
    move_to(one_to_one);
    hypercall(RINGFOLD_HYPERCALL_YIELD);
    check_equal(cpu_of(0), 0, "the CPU, one to one");
    check_equal(static_cast<uint64_t>(start_second()), static_cast<uint64_t>(-RINGFOLD_EBUSY), "a second vCPU");
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_OFFLINE, "its state");

    move_cpu(1, one_to_one, 0, "one more CPU");
    check_equal(static_cast<uint64_t>(start_second()), 0, "a second vCPU, with a second CPU");
    wait_for(started, 1);
    check_equal(cpu_of(0), 0, "CPU of vCPU 0");
    check_equal(cpu_of(1), 1, "CPU of vCPU 1");
    move_cpu(1, 0, -RINGFOLD_EBUSY, "taking an owned CPU away");
    const uint64_t waited = vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE];
    for (const uint64_t end = system_time() + 100 * millisecond; system_time() < end;) {
        relax();
    }
    check_equal(vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE], waited, "time that the owner of a CPU waits for it");
    stop.store(1, std::memory_order_release);
    join_vcpu(1);
    move_cpu(1, 0, 0, "taking it away when its owner is offline");
}
