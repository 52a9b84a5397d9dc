// SPDX-License-Identifier: Apache-2.0
//
// How a hypercall works through an array in the call buffer, and makes way when it has been long enough.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <algorithm>
#include <cstdint>

namespace ringfold::hypercall {

// `count` elements of the call buffer from byte `offset` on.
struct Batch {
    uint64_t offset;
    uint64_t count;
    uint64_t element_size;
    uint64_t most;  // elements, that one call may name
};

// Calls step(offset, count) for the elements in order, `at_once` at a time, which returns how far it came. The first
// call is made in any case: each hypercall gets on. out_of_range: more than the most, or past the end of the buffer.
template <typename Step>
Progress work_through(const Vcpu &caller, const Batch &batch, uint64_t at_once, Step &&step) {
    if (batch.count > batch.most) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(batch.offset, batch.count * batch.element_size));
    const bool asks = batch.count > at_once;
    for (uint64_t done = 0; done < batch.count;) {
        // Before the first one, too: the clock starts with the first question.
        if (asks && machine::preemption_due() && done > 0) {
            return {done, Error::again};
        }
        const Progress part = step(batch.offset + done * batch.element_size, std::min(at_once, batch.count - done));
        done += part.done;
        if (!part.result.ok()) {
            return {done, part.result};
        }
    }
    return {batch.count, {}};
}

// The same, one by one: step(offset) returns Result<void>.
template <typename Step>
Progress for_each_element(const Vcpu &caller, const Batch &batch, Step &&step) {
    return work_through(caller, batch, 1, [&step](uint64_t offset, uint64_t) -> Progress {
        TRY(step(offset));
        return {1, {}};
    });
}

}  // namespace ringfold::hypercall
