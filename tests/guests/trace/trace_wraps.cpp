// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff
//
// Attack: the rings are memory of who traces, so he writes to them while the hypervisor does: the header, so that the
// hypervisor would go astray, and records. Expected: the hypervisor believes nothing that stands there, goes on at its
// own place, round and round, says how many records are lost, and has an event after each half of a ring.
#include "framework/guest.hpp"
#include "framework/trace.hpp"

using namespace guest;

namespace {

constexpr uint64_t calls = 300;
constexpr uint64_t per_call = 2;

void call_often() {
    for (uint64_t call = 0; call < calls; ++call) {
        (void)hypercall(RINGFOLD_HYPERCALL_VERSION, call);
    }
}

void scribble(const TraceRings &rings, uint64_t value) {
    auto *words = reinterpret_cast<volatile uint64_t *>(&rings.ring(0));
    for (uint64_t word = 0; word < page_size / sizeof(uint64_t); ++word) {
        words[word] = value;
    }
}

// The call numbered `call` left its two records at `number` and behind it.
void check_call(const TraceRings &rings, uint64_t number, uint64_t call) {
    const ringfold_trace_record record = rings.record(0, number);
    check(record.event == RINGFOLD_TRACE_HYPERCALL && record.argument[0] == RINGFOLD_HYPERCALL_VERSION &&
              record.argument[1] == call,
          "record %lu: event 0x%x, 0x%lx, 0x%lx; should be call %lu", number, record.event, record.argument[0],
          record.argument[1], call);
    check_equal(rings.record(0, number + 1).event, RINGFOLD_TRACE_HYPERCALL_RETURN, "its return");
}

void round_and_round(const TraceRings &rings, uint64_t value) {
    const uint64_t before = rings.ring(0).written;
    scribble(rings, value);
    call_often();
    const uint64_t written = rings.ring(0).written;
    check_equal(written, before + calls * per_call, "records");
    for (uint64_t call = calls - rings.capacity() / per_call; call < calls; ++call) {
        check_call(rings, before + call * per_call, call);
    }
    const ringfold_trace_status shown = trace_status();
    check_equal(shown.written, written + 1, "records by the status");
    check_equal(shown.overwritten, written + 1 - rings.capacity(), "those that are lost");
}

}  // namespace

void guest_main() {
    const uint32_t port = bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TRACE);
    TraceRings rings{1};
    check_status(rings.start(hypercall_class), 0, "trace_start");
    check(!is_pending(0, port), "an event before anything was traced");
    check_equal(rings.ring(0).capacity, rings.capacity(), "records that a ring keeps");
    for (const uint64_t value : Words{0, ~0ULL, 0x5a5a'5a5a'5a5a'5a5a}) {
        round_and_round(rings, value);
        check(take_pending(0, port), "no event, though half of a ring was filled");
    }
    check_status(stop_trace(), 0, "trace_stop");
}
