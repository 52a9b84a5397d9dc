// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff
//
// What is traced is in the ring, word for word, and nothing else. Expected: hypercalls with number, first argument and
// both results, those that are refused, unknown or parts of a multicall included, in order, by whom, at ascending
// times; nothing of a class that was not asked for; nothing at all after the end; and while the trace lasts its frames
// cannot become page tables.
#include "framework/guest.hpp"
#include "framework/trace.hpp"

using namespace guest;

namespace {

constexpr uint64_t unknown_number = 0x7777;

struct Expected {
    uint32_t event;
    uint64_t arguments[2];
};

void check_record(const TraceRings &rings, uint64_t number, const Expected &expected) {
    const ringfold_trace_record record = rings.record(0, number);
    check(record.event == expected.event && record.argument[0] == expected.arguments[0] &&
              record.argument[1] == expected.arguments[1],
          "record %lu: event 0x%x, 0x%lx, 0x%lx; should be 0x%x, 0x%lx, 0x%lx", number, record.event,
          record.argument[0], record.argument[1], expected.event, expected.arguments[0], expected.arguments[1]);
    check(record.domain == start_info().domain_id && record.vcpu == 0, "record %lu: of d%u v%u", number,
          unsigned{record.domain}, unsigned{record.vcpu});
    if (number != 0) {
        check(rings.record(0, number - 1).tsc <= record.tsc, "record %lu is before the last one", number);
    }
}

constexpr uint64_t status(int64_t error) { return static_cast<uint64_t>(-error); }

void trace_hypercalls(TraceRings &rings) {
    check_status(rings.start(hypercall_class), 0, "trace_start");
    const uint64_t abi = version(0).value;
    (void)hypercall(unknown_number, 0x1234);
    (void)hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 5);
    *call_buffer<ringfold_multicall_element>() = {RINGFOLD_HYPERCALL_VERSION, {1}, 0, 0};
    (void)hypercall(RINGFOLD_HYPERCALL_MULTICALL, 0, 1);
    const uint64_t features = call_buffer<ringfold_multicall_element>()->value;
    const ringfold_trace_status shown = trace_status();
    check_status(stop_trace(), 0, "trace_stop");

    const Expected expected[] = {
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_VERSION, 0}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {0, abi}},
        {RINGFOLD_TRACE_HYPERCALL, {unknown_number, 0x1234}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {status(RINGFOLD_ENOSYS), 0}},
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 5}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {status(RINGFOLD_ERANGE), 0}},
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_MULTICALL, 0}},
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_VERSION, 1}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {0, features}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {0, 1}},
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_TRACE_STATUS_READ, 2048}},
        {RINGFOLD_TRACE_HYPERCALL_RETURN, {0, 0}},
        {RINGFOLD_TRACE_HYPERCALL, {RINGFOLD_HYPERCALL_TRACE_STOP, 0}},
    };
    constexpr uint64_t count = sizeof expected / sizeof expected[0];
    check_equal(rings.ring(0).written, count, "records");
    for (uint64_t number = 0; number < count; ++number) {
        check_record(rings, number, expected[number]);
    }
    check_equal(shown.domain, start_info().domain_id, "who traces");
    check_equal(shown.classes, hypercall_class, "classes");
    check_equal(shown.written, count - 2, "records before the status was read");
    check_equal(shown.overwritten, 0, "records that are lost");
}

void nothing_afterwards(const TraceRings &rings) {
    const uint64_t written = rings.ring(0).written;
    (void)version(0);
    check_equal(rings.ring(0).written, written, "records after the end");
    const ringfold_trace_status shown = trace_status();
    check(shown.domain == 0 && shown.classes == 0 && shown.frames == 0 && shown.written == 0,
          "after the end: d%u, classes 0x%x, %u frames, %lu records", shown.domain, shown.classes, shown.frames,
          shown.written);
    check_status(stop_trace(), -RINGFOLD_ENOENT, "ending it twice");
}

// Of another class the hypercalls of above leave nothing.
void trace_others(TraceRings &rings) {
    check_status(rings.start(grant_class | memory_class), 0, "trace_start");
    (void)version(0);
    check_equal(rings.ring(0).written, 0, "records of what is not traced");
    const MachineFrame table = make_table();
    const uint64_t before = rings.ring(0).written;
    check(before != 0, "page-table operations are not traced");
    check_equal(rings.record(0, 0).event, RINGFOLD_TRACE_MEMORY_BATCH, "what they are traced as");
    check(pin(table, 1).ok(), "a table beside the rings");
    const uint64_t ring_page = linear_address(rings.frame(0));
    const uint64_t slot = find_slot(ring_page).machine_address;
    check(set_entry(slot, entry_for(machine_frame(rings.frame(0)), kernel_read_only)).ok(), "read-only");
    check(flush(RINGFOLD_FLUSH_LOCAL).ok(), "the flush");
    check(pin(machine_frame(rings.frame(0)), 1).status == -RINGFOLD_EBUSY, "a ring becomes a page table");
    check_status(stop_trace(), 0, "trace_stop");
    check(pin(machine_frame(rings.frame(0)), 1).status != -RINGFOLD_EBUSY, "its frame is still held");
}

}  // namespace

void guest_main() {
    TraceRings rings{2};
    trace_hypercalls(rings);
    nothing_afterwards(rings);
    trace_others(rings);
}
