// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=1 rights=0x90 timeout=60 hosts=qemu
//
// A level-triggered line that nobody serves must not keep the machine busy: it fires once, and again only after
// event_end_of_interrupt. The interval timer's output, which is high nearly all the time, bound as if it were such a
// line, is the worst of devices. Expected: one event for each end of interrupt, however long the line stays high, and
// work gets done meanwhile; ends of interrupts that did not come change nothing.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t timer_line = 2;
constexpr unsigned rounds = 20;

void spin(uint64_t nanoseconds) {
    for (const uint64_t end = system_time() + nanoseconds; system_time() < end;) {
        relax();
    }
}

}  // namespace

void guest_main() {
    const Result bound = hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_PHYSICAL, timer_line, RINGFOLD_EVENT_LEVEL, 0);
    check_result(bound, 0, 1, "binding the line");
    const auto port = static_cast<uint32_t>(bound.value);
    for (unsigned round = 0; round < rounds; ++round) {
        check_equal(wait_for_event(), port, "the line fires");
        spin(2 * millisecond);
        check_equal(take_event(), 0, "it fires again before its end");
        check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, port), 0, "the end of the interrupt");
    }
    check_equal(wait_for_event(), port, "the line fires");
    spin(150 * millisecond);  // more than two ticks
    check_equal(take_event(), 0, "it fires again before its end");
    check_status(close_port(port), 0, "closing it while it waits for its end");
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_END_OF_INTERRUPT, port), -RINGFOLD_ENOENT, "the end of nothing");

    // As an edge it works as if nothing had been.
    check_result(hypercall(RINGFOLD_HYPERCALL_EVENT_BIND_PHYSICAL, timer_line, 0, 0), 0, port, "binding it as an edge");
    check_equal(wait_for_event(), port, "a tick");
    check_equal(wait_for_event(), port, "another tick");
}
