// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// Trace points are instructions that change while other CPUs run the code around them. One vCPU issues hypercalls
// without end; the other one starts and stops traces of changing classes. Expected: each trace has records of its own
// classes only, those of the busy vCPU in pairs of call and return, and none after its end.
#include "framework/guest.hpp"
#include "framework/trace.hpp"

using namespace guest;

namespace {

constexpr uint64_t rounds = 24;
constinit std::atomic<uint64_t> is_over{0};  // release and acquire are not needed: a flag that nothing depends on
constinit std::atomic<uint64_t> calls{0};

void call_without_end(uint64_t) {
    while (is_over.load(std::memory_order_relaxed) == 0) {
        (void)version(0);
        calls.fetch_add(1, std::memory_order_relaxed);
    }
}

void await_calls(uint64_t more) {
    const uint64_t target = calls.load(std::memory_order_relaxed) + more;
    for (const uint64_t end = system_time() + 10'000 * millisecond; calls.load(std::memory_order_relaxed) < target;) {
        if (system_time() > end) {
            fatal_failure("the other vCPU does not call any more");
        }
    }
}

bool is_of(uint32_t event, uint64_t classes) { return (classes >> (event >> 8) & 1) != 0; }

// Of the other vCPU: what was called must return before it is called again.
void check_ring(const TraceRings &rings, uint32_t cpu, uint64_t classes) {
    const uint64_t written = rings.ring(cpu).written;
    const uint64_t first = written > rings.capacity() ? written - rings.capacity() : 0;
    uint32_t last = ~0U;
    for (uint64_t number = first; number < written; ++number) {
        const ringfold_trace_record record = rings.record(cpu, number);
        if (!is_of(record.event, classes)) {
            fatal_failure("record %lu of CPU %u: event 0x%x is not of classes 0x%lx", number, cpu, record.event,
                          classes);
        }
        if (classes == hypercall_class && record.vcpu == 1) {
            check(record.event != last, "record %lu of CPU %u: event 0x%x twice", number, cpu, last);
            last = record.event;
        }
    }
}

}  // namespace

void guest_main() {
    TraceRings rings{2};
    start_vcpu(1, call_without_end);
    uint64_t seen = 0;
    for (uint64_t round = 0; round < rounds; ++round) {
        const uint64_t classes =
            Words{hypercall_class, entry_class, scheduling_class | event_class, uint64_t{RINGFOLD_TRACE_CLASSES_ALL}}
                .begin()[round % 4];
        check_status(rings.start(classes), 0, "trace_start");
        await_calls(20);
        check_status(stop_trace(), 0, "trace_stop");
        const uint64_t written[] = {rings.ring(0).written, rings.ring(1).written};
        await_calls(20);
        check(rings.ring(0).written == written[0] && rings.ring(1).written == written[1], "records after the end");
        for (uint32_t cpu = 0; cpu < 2; ++cpu) {
            check_ring(rings, cpu, classes);
        }
        seen += written[0] + written[1];
    }
    check(seen > rounds * 20, "%lu records in all", seen);
    is_over.store(1, std::memory_order_relaxed);
    join_vcpu(1);
}
