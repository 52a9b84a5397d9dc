// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// vcpu_notify interrupts a vCPU that runs in ring 1 or 3, wakes one that blocks, and is only remembered by one whose
// flag is 0. No notification may be lost in the race between a vCPU's "set the flag, look at pending" and the sender:
// two vCPUs play ping-pong by notifications, and every ball arrives exactly once.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t rounds = 400;

USER_PROGRAM void spin_in_user() { asm volatile("1:\tpause\n\tjmp 1b"); }

constinit std::atomic<uint64_t> ready{0};

bool leave_user(Frame &frame) {
    // Out of the endless program: as if it had made a system call.
    if (frame.vector == entry_upcall && frame.from_user()) {
        frame.rip += 1'000'000;  // unmapped: a page fault ends run_user
    }
    return false;
}

// Waits for one more upcall than `seen`: with the flag set all the time, set and cleared, or blocked.
void receive(uint64_t round, uint64_t &seen) {
    const uint64_t deadline = system_time() + 5000 * millisecond;
    while (this_vcpu().upcalls.load() == seen) {
        if (round % 3 == 2) {
            // Looked at with the flag 0: what comes now stays pending, and block returns for it.
            disable_upcalls();
            if (this_vcpu().upcalls.load() == seen) {
                hypercall(RINGFOLD_HYPERCALL_BLOCK);
            }
            continue;
        }
        enable_upcalls();
        if (round % 3 == 1) {
            disable_upcalls();
        }
        if (system_time() > deadline) {
            fatal_failure("round %lu: the notification did not arrive", round);
        }
    }
    ++seen;
    check_equal(this_vcpu().upcalls, seen, "upcalls, one a round");
}

void play(uint32_t self) {
    uint64_t seen = this_vcpu().upcalls.load();
    for (uint64_t round = 0; round < rounds; ++round) {
        if (self == 1) {
            receive(round, seen);
        }
        check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1 - self), 0, "notifying the other");
        if (self == 0) {
            receive(round, seen);
        }
    }
}

void second(uint64_t) {
    ready.store(1, std::memory_order_release);
    enable_upcalls();
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
    check_equal(this_vcpu().upcalls, 1, "upcalls of the blocked vCPU");
    ready.store(2, std::memory_order_release);

    this_vcpu().hook = leave_user;
    const Entry entry = run_user(spin_in_user);
    check_equal(entry.frame.vector, page_fault, "out of ring 3");
    check_equal(this_vcpu().upcalls, 2, "upcalls of the vCPU in ring 3");
    this_vcpu().hook = nullptr;
    ready.store(3, std::memory_order_release);

    disable_upcalls();
    wait_for(ready, 4);
    check_equal(this_vcpu().upcalls, 2, "upcalls with the flag 0");
    check_equal(vcpu_page().upcall_pending, 1, "pending with the flag 0");
    enable_upcalls();
    check_equal(this_vcpu().upcalls, 3, "upcalls after setting the flag");
    ready.store(5, std::memory_order_release);
    play(1);
}

void wait_a_little() {
    for (const uint64_t end = system_time() + 20 * millisecond; system_time() < end;) {
        relax();
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    start_vcpu(1, second);
    wait_for(ready, 1);
    wait_a_little();
    check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_BLOCKED, "state of the blocked vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), 0, "waking it");
    wait_for(ready, 2);
    wait_a_little();
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), 0, "interrupting it in ring 3");
    wait_for(ready, 3);
    wait_a_little();
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 1), 0, "notifying it with the flag 0");
    wait_a_little();
    ready.store(4, std::memory_order_release);
    wait_for(ready, 5);
    play(0);
    join_vcpu(1);
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_NOTIFY, 0), 0, "notifying oneself");
    enable_upcalls();
    check(this_vcpu().upcalls.load() > 0, "own upcalls");
}
