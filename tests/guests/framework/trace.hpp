// SPDX-License-Identifier: Apache-2.0
//
// The trace (ringfold/trace.h): rings in memory of this domain, and their records as the hypervisor leaves them.
#pragma once

#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/trace.h>

#include <cstdint>

namespace guest {

inline constexpr uint64_t hypercall_class = 1U << RINGFOLD_TRACE_CLASS_HYPERCALLS;
inline constexpr uint64_t entry_class = 1U << RINGFOLD_TRACE_CLASS_ENTRIES;
inline constexpr uint64_t scheduling_class = 1U << RINGFOLD_TRACE_CLASS_SCHEDULING;
inline constexpr uint64_t event_class = 1U << RINGFOLD_TRACE_CLASS_EVENTS;
inline constexpr uint64_t grant_class = 1U << RINGFOLD_TRACE_CLASS_GRANTS;
inline constexpr uint64_t memory_class = 1U << RINGFOLD_TRACE_CLASS_MEMORY;

ringfold_trace_status trace_status();

class TraceRings {
  public:
    // Memory for one ring of `frames` frames for each CPU.
    explicit TraceRings(uint32_t frames);

    Result start(uint64_t classes);  // issued again while it is preempted
    [[nodiscard]] volatile ringfold_trace_ring &ring(uint32_t cpu) const;
    [[nodiscard]] ringfold_trace_record record(uint32_t cpu, uint64_t number) const;
    [[nodiscard]] uint64_t capacity() const;
    [[nodiscard]] PhysicalFrame frame(uint32_t number) const { return first_.plus(number); }

  private:
    uint32_t cpus_;
    uint32_t frames_;
    PhysicalFrame first_;
};

Result stop_trace();

}  // namespace guest
