// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=4 smp=2 timeout=90 hosts=qemu,bochs
//
// A port moves between two vCPUs while a third sends to it. Expected: every event arrives at one of the two, whichever
// served the port at that moment; the mask bit moves along; what belongs to its vCPU (an IPI, a virtual interrupt of a
// vCPU) does not move; exact errors for what cannot be.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t rounds = 600;
constexpr uint64_t fewest_moves = 10;

constinit std::atomic<uint64_t> sent{0};      // seq_cst: written before the event that announces it
constinit std::atomic<uint64_t> received{0};  // release/acquire
constinit uint32_t sending_end = 0;
constinit uint32_t moving_end = 0;

void sender(uint64_t) {
    for (uint64_t number = 1; number <= rounds; ++number) {
        sent.store(number);
        check_result(send_event(sending_end), 0, 1, "sending");
        wait_for(received, number);
    }
}

void receiver(uint64_t) {
    while (received.load(std::memory_order_acquire) < rounds) {
        if (vcpu_page().upcall_pending != 0) {
            clear_upcall_pending();
            take_events([](uint32_t port) {
                check_equal(port, moving_end, "the port of an event");
                received.store(sent.load(), std::memory_order_release);
            });
        } else {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
    }
}

void refusals() {
    const uint32_t ipi = bind_ipi(0);
    const uint32_t debug = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_DEBUG, 0);
    const uint32_t console = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_CONSOLE, 0);
    check_status(move_port(ipi, 1), -RINGFOLD_EINVAL, "moving an IPI port");
    check_status(move_port(debug, 1), -RINGFOLD_EINVAL, "moving a vCPU's virtual interrupt");
    check_status(move_port(console, 4), -RINGFOLD_ENOENT, "moving to vCPU 4 of 4");
    check_status(move_port(console, 0xffff'ffff), -RINGFOLD_ENOENT, "moving to vCPU -1");
    check_port(console, RINGFOLD_EVENT_VIRTUAL, 0, 0, RINGFOLD_VIRTUAL_IRQ_CONSOLE, "a port that was not moved");
    mask(0, console);
    check_status(move_port(console, 1), 0, "moving a domain's virtual interrupt");
    check(is_masked(1, console), "the mask bit did not move along");
    check_port(console, RINGFOLD_EVENT_VIRTUAL, 1, 0, RINGFOLD_VIRTUAL_IRQ_CONSOLE, "a port that was moved");
    for (const uint32_t port : {ipi, debug, console}) {
        check_status(close_port(port), 0, "closing it");
    }
}

}  // namespace

void guest_main() {
    for (const uint32_t vcpu : {1U, 2U, 3U}) {
        start_vcpu(vcpu, [](uint64_t) {});
        join_vcpu(vcpu);
    }
    refusals();
    moving_end = offer_port(RINGFOLD_DOMAIN_SELF, 1);
    sending_end = connect_port(RINGFOLD_DOMAIN_SELF, moving_end, 0);
    start_vcpu(1, receiver);
    start_vcpu(2, receiver);
    start_vcpu(3, sender);
    Random random{choose_seed()};
    const uint64_t deadline = system_time() + 60'000 * millisecond;
    uint64_t moves = 0;
    while (received.load(std::memory_order_acquire) < rounds || moves < fewest_moves) {
        check_status(move_port(moving_end, static_cast<uint32_t>(1 + random.below(2))), 0, "moving");
        ++moves;
        if (system_time() > deadline) {
            fatal_failure("event %lu of %lu was lost after %lu moves", sent.load(), rounds, moves);
        }
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    for (const uint32_t vcpu : {1U, 2U, 3U}) {
        join_vcpu(vcpu);
    }
}
