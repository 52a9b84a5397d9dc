// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=1 timeout=60 hosts=qemu,bochs
//
// The run-state clocks of a vCPU add up: between any two changes of its state, the four grew by exactly the time
// between them. A vCPU that shares its CPU runs, waits, yields and blocks, and reads its page in between; one that
// waits shows in its page that it is preempted, one that blocks that it is not.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> phase{0};

struct Snapshot {
    uint64_t sum = 0;
    uint64_t since = 0;
    uint32_t state = 0;
};

Snapshot read(const volatile ringfold_vcpu_page &page) {
    for (;;) {
        const uint32_t version = page.state_version;
        Snapshot snapshot;
        for (const volatile uint64_t &time : page.run_time) {
            snapshot.sum += time;
        }
        snapshot.since = page.state_since;
        snapshot.state = page.state;
        if (version % 2 == 0 && version == page.state_version) {
            return snapshot;
        }
    }
}

const volatile ringfold_vcpu_page &page_of_second() {
    return *reinterpret_cast<const volatile ringfold_vcpu_page *>(linear_address(vcpu_page_frame(1)));
}

void second(uint64_t) {
    phase.store(1, std::memory_order_release);
    while (phase.load(std::memory_order_acquire) == 1) {
        relax();
    }
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
}

}  // namespace

void guest_main() {
    start_vcpu(1, second);
    wait_for(phase, 1);
    Snapshot last = read(vcpu_page());
    for (unsigned round = 0; round < 200; ++round) {
        if (round % 3 == 0) {
            hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, system_time() + 200 * microsecond);
        } else {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        const Snapshot now = read(vcpu_page());
        check_equal(now.sum - last.sum, now.since - last.since, "growth of the clocks");
        check_equal(now.state, RINGFOLD_VCPU_RUNNING, "own state");
        check_equal(vcpu_page().preempted, 0, "preempted, while it runs");
        check(now.since <= system_time(), "the state began in the future");
        last = now;
    }
    // On the one CPU this vCPU runs, so the other one waits.
    check_equal(read(page_of_second()).state, RINGFOLD_VCPU_RUNNABLE, "state of the other one");
    check_equal(page_of_second().preempted, 1, "preempted, while it waits");
    phase.store(2, std::memory_order_release);
    while (hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1).value != RINGFOLD_VCPU_BLOCKED) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    check_equal(read(page_of_second()).state, RINGFOLD_VCPU_BLOCKED, "state of the one that blocks");
    check_equal(page_of_second().preempted, 0, "preempted, while it blocks");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), 0, "waking it");
    join_vcpu(1);
}
