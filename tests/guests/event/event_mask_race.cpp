// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// One vCPU sends numbered events; the other masks and unmasks the port all the time, by its own instructions where it
// can, and takes events while the port is open. The number is written before the event is sent. Expected: the receiver,
// which looks at the number only when it gets an event, sees the last one: no event is lost between the sender's look
// at the mask bit and the receiver's look at the pending bit.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t rounds = 3000;

constinit std::atomic<uint64_t> sent{0};      // seq_cst: written before the event that announces it
constinit std::atomic<uint64_t> received{0};  // release/acquire
constinit uint32_t port = 0;

void sender(uint64_t) {
    for (uint64_t number = 1; number <= rounds; ++number) {
        sent.store(number);
        check_result(send_event(port), 0, 1, "sending");
        if (number % 16 == 0) {
            // Every event but the last may be one with its successors; this one must arrive by itself.
            wait_for(received, number);
        }
    }
}

void unmask_as_the_guest_does() {
    unmask_locally(0, port);
    if (is_pending(0, port)) {
        check_status(unmask_port(port), 0, "unmasking with an event pending");
    }
}

}  // namespace

void guest_main() {
    port = bind_ipi(0);
    Random random{choose_seed()};
    start_vcpu(1, sender);
    const uint64_t deadline = system_time() + 40'000 * millisecond;
    uint64_t upcalls = 0;
    while (received.load(std::memory_order_relaxed) < rounds) {
        mask(0, port);
        if (random.below(4) == 0) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        unmask_as_the_guest_does();
        if (vcpu_page().upcall_pending != 0) {
            ++upcalls;
            clear_upcall_pending();
            if (take_event() == port) {
                received.store(sent.load(), std::memory_order_release);
            }
        }
        if (system_time() > deadline) {
            fatal_failure("%lu of %lu events arrived, and no upcall: one was lost", received.load(), rounds);
        }
    }
    join_vcpu(1);
    check(upcalls <= rounds + 1, "%lu upcalls for %lu events", upcalls, rounds);
    // The number of the last event may have been seen with the event before it.
    const uint32_t last = take_event();
    check(last == 0 || last == port, "an event of port %u at the end", last);
    check_equal(take_event(), 0, "events at the end");
}
