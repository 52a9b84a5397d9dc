// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff
//
// The trace of one domain shows what all do. A child blocks for ever, is made, started, run and destroyed meanwhile.
// Expected: the switch to it and back, its states in the order in which it had them, its hypercall as its own; times
// that never go back.
#include "framework/child.hpp"
#include "framework/guest.hpp"
#include "framework/trace.hpp"

using namespace guest;

namespace {

// How far the child came, by its records in their order.
struct Story {
    uint64_t child;
    uint64_t parent;
    unsigned step = 0;

    void tell(const ringfold_trace_record &record) {
        const uint64_t first = record.argument[0];
        const uint64_t second = record.argument[1];
        const bool follows[] = {
            record.event == RINGFOLD_TRACE_STATE && first == child && second == RINGFOLD_VCPU_RUNNABLE,
            record.event == RINGFOLD_TRACE_STATE && first == child && second == RINGFOLD_VCPU_RUNNING,
            record.event == RINGFOLD_TRACE_SWITCH && first == parent && second == child,
            record.event == RINGFOLD_TRACE_HYPERCALL && first == RINGFOLD_HYPERCALL_BLOCK &&
                record.domain == child >> 16,
            record.event == RINGFOLD_TRACE_STATE && first == child && second == RINGFOLD_VCPU_BLOCKED,
            record.event == RINGFOLD_TRACE_SWITCH && first == child,
        };
        if (step < sizeof follows && follows[step]) {
            ++step;
        }
    }
};

}  // namespace

void guest_main() {
    TraceRings rings{16};
    const Child child = create_child();
    fill_child(child);
    check_status(rings.start(hypercall_class | scheduling_class), 0, "trace_start");
    check_status(start_child(child, child_context(child, child_blocks_for_ever)), 0, "starting it");
    for (uint64_t turn = 0; turn < 20; ++turn) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    check_status(stop_trace(), 0, "trace_stop");

    const uint64_t written = rings.ring(0).written;
    check(written < rings.capacity(), "%lu records are too many for this test", written);
    Story story{.child = uint64_t{child.id} << 16, .parent = uint64_t{start_info().domain_id} << 16};
    uint64_t last = 0;
    for (uint64_t number = 0; number < written; ++number) {
        const ringfold_trace_record record = rings.record(0, number);
        check(record.tsc >= last, "record %lu is before the last one", number);
        last = record.tsc;
        story.tell(record);
    }
    check_equal(story.step, 6, "steps of the child's story");
    check_status(destroy_domain(child.id), 0, "destroying it");
}
