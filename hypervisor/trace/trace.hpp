// SPDX-License-Identifier: Apache-2.0
//
// Trace points: what happens becomes a record in this CPU's ring, if its class is traced.
//
//     trace::note<trace::Class::events>(RINGFOLD_TRACE_EVENT, vcpu, port);
//
// While it is not, a trace point is one NOP (branch.hpp); its arguments should be at hand. Not for what may interrupt
// the hypervisor: a ring has one writer, the code of its CPU with interrupts off.
#pragma once

#include "hypervisor/trace/branch.hpp"

#include <ringfold/trace.h>

#include <cstdint>

namespace ringfold::trace {

enum class Class : uint32_t {
    hypercalls = 1U << RINGFOLD_TRACE_CLASS_HYPERCALLS,
    entries = 1U << RINGFOLD_TRACE_CLASS_ENTRIES,
    scheduling = 1U << RINGFOLD_TRACE_CLASS_SCHEDULING,
    events = 1U << RINGFOLD_TRACE_CLASS_EVENTS,
    grants = 1U << RINGFOLD_TRACE_CLASS_GRANTS,
    memory = 1U << RINGFOLD_TRACE_CLASS_MEMORY,
    interrupts = 1U << RINGFOLD_TRACE_CLASS_INTERRUPTS,
};

// Whether any of them is traced.
template <Class... classes>
[[nodiscard, gnu::always_inline]] inline bool is_on() {
    return branch<(static_cast<uint32_t>(classes) | ...)>();
}

void write(uint32_t event, uint64_t first, uint64_t second);

template <Class traced>
[[gnu::always_inline]] inline void note(uint32_t event, uint64_t first, uint64_t second = 0) {
    if (is_on<traced>()) [[unlikely]] {
        write(event, first, second);
    }
}

}  // namespace ringfold::trace
