// SPDX-License-Identifier: Apache-2.0
#include "framework/trace.hpp"

#include "framework/call_buffer.hpp"
#include "framework/memory.hpp"
#include "framework/verdict.hpp"

namespace guest {

ringfold_trace_status trace_status() {
    constexpr uint64_t offset = 2048;
    check_status(hypercall(RINGFOLD_HYPERCALL_TRACE_STATUS_READ, offset), 0, "trace_status_read");
    return *call_buffer<ringfold_trace_status>(offset);
}

TraceRings::TraceRings(uint32_t frames)
    : cpus_(trace_status().cpus), frames_(frames), first_(allocate_frames(uint64_t{cpus_} * frames)) {}

Result TraceRings::start(uint64_t classes) {
    for (uint32_t number = 0; number < cpus_ * frames_; ++number) {
        call_buffer<uint64_t>()[number] = machine_frame(frame(number)).number;
    }
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_TRACE_START, classes, 0, frames_);
}

volatile ringfold_trace_ring &TraceRings::ring(uint32_t cpu) const {
    return *reinterpret_cast<volatile ringfold_trace_ring *>(linear_address(frame(cpu * frames_)));
}

uint64_t TraceRings::capacity() const {
    return uint64_t{frames_} * RINGFOLD_TRACE_RECORDS_PER_FRAME - RINGFOLD_TRACE_HEADER_RECORDS;
}

ringfold_trace_record TraceRings::record(uint32_t cpu, uint64_t number) const {
    const auto *records = reinterpret_cast<const volatile ringfold_trace_record *>(&ring(cpu));
    const volatile ringfold_trace_record &found = records[RINGFOLD_TRACE_HEADER_RECORDS + number % capacity()];
    return {.tsc = found.tsc,
            .event = found.event,
            .domain = found.domain,
            .vcpu = found.vcpu,
            .argument = {found.argument[0], found.argument[1]}};
}

Result stop_trace() { return hypercall(RINGFOLD_HYPERCALL_TRACE_STOP); }

}  // namespace guest
