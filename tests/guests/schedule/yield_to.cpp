// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=4 icount=1 timeout=60 hosts=qemu
//
// A directed yield lets the vCPU run that is named, and not the one whose turn it is. Two vCPUs that never block wait
// for the one CPU; whoever runs first after a yield says so. Expected: it is the one that was named, ten times each; a
// vCPU that blocks is not run, and the call says so.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit std::atomic<uint64_t> round_number{0};
constinit std::atomic<uint64_t> first{0};  // who saw the round first
constinit std::atomic<uint64_t> stop{0};
constinit std::atomic<uint64_t> blocked{0};

void report(uint64_t self) {
    uint64_t seen = 0;
    while (stop.load(std::memory_order_acquire) == 0) {
        const uint64_t now = round_number.load(std::memory_order_acquire);
        if (now != seen) {
            seen = now;
            uint64_t nobody = 0;
            first.compare_exchange_strong(nobody, self);
        }
        relax_counted();
    }
}

void sleep(uint64_t) {
    blocked.store(1, std::memory_order_release);
    while (stop.load(std::memory_order_acquire) == 0) {
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
    }
}

}  // namespace

void guest_main() {
    start_vcpu(1, report, 1);
    start_vcpu(2, report, 2);
    start_vcpu(3, sleep);
    wait_for(blocked, 1);
    for (uint64_t round = 1; round <= 20; ++round) {
        const uint64_t target = 1 + (round / 2) % 2;
        // A fresh slice, so that what happens next is the yield and not its end.
        hypercall(RINGFOLD_HYPERCALL_YIELD);
        first.store(0);
        round_number.store(round, std::memory_order_release);
        check_result(hypercall(RINGFOLD_HYPERCALL_YIELD_TO, target), 0, 1, "yielding to a vCPU that waits");
        check_equal(first.load(), target, "who ran first");
    }
    check_result(hypercall(RINGFOLD_HYPERCALL_YIELD_TO, 3), 0, 0, "yielding to a vCPU that blocks");
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 3), 0, RINGFOLD_VCPU_BLOCKED, "it still blocks");
    stop.store(1, std::memory_order_release);
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 3), 0, "waking it");
    for (uint32_t vcpu = 1; vcpu <= 3; ++vcpu) {
        join_vcpu(vcpu);
    }
}
