// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a trace: the newest records of all CPUs, and what is needed to say what they mean.
#pragma once

#include <ringfold/trace.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ringfold::tools {

// The same moment by both clocks.
struct TraceMoment {
    uint64_t tsc = 0;
    uint64_t nanoseconds = 0;
};

// Time-stamp counters as time, by two moments that lie apart.
class TraceClock {
  public:
    TraceClock() = default;
    TraceClock(TraceMoment first, TraceMoment last);
    // Since the first moment; 0 for what is before it.
    [[nodiscard]] uint64_t nanoseconds(uint64_t tsc) const;

  private:
    uint64_t first_ = 0;
    double nanoseconds_per_tick_ = 1;
};

struct TraceRecording {
    TraceRecording(uint32_t cpu_count, uint32_t traced_classes, std::size_t most, TraceMoment start)
        : classes(traced_classes), limit(most), first(start), last(start), cpus(cpu_count) {}

    // Newer ones than those of this CPU that there are. Beyond the limit the oldest of all CPUs go.
    void add(uint32_t cpu, std::span<const ringfold_trace_record> records);
    void name(uint16_t domain, const std::string &name);
    // All names that the number had, or the number.
    [[nodiscard]] std::string name_of(uint16_t domain) const;
    [[nodiscard]] TraceClock clock() const { return {first, last}; }

    uint32_t classes;      // bits 1 << RINGFOLD_TRACE_CLASS_*
    std::size_t limit;     // of all CPUs' records together
    TraceMoment first;     // before the first record
    TraceMoment last;      // of the end, or of the last look
    uint64_t lost = 0;     // overwritten before they were read; trace_gap stands in their place
    uint64_t dropped = 0;  // for newer ones
    std::size_t size = 0;
    std::vector<std::deque<ringfold_trace_record>> cpus;  // by time
    std::map<uint16_t, std::vector<std::string>> names;

  private:
    void drop_oldest();
};

}  // namespace ringfold::tools
