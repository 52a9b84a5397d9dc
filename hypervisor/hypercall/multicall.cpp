// SPDX-License-Identifier: Apache-2.0
//
// Several hypercalls in one.
#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/hypercall/batch.hpp"
#include "hypervisor/hypercall/dispatcher.hpp"
#include "hypervisor/hypercall/handlers.hpp"

#include <ringfold/hypercall.h>

#include <cstddef>

namespace ringfold::hypercall {

namespace {

// The registers of a guest that issues it alone.
EntryFrame registers_of(const ringfold_multicall_element &element) {
    EntryFrame frame{};
    frame.rax = element.number;
    frame.rdi = element.arguments[0];
    frame.rsi = element.arguments[1];
    frame.rdx = element.arguments[2];
    frame.r10 = element.arguments[3];
    frame.r8 = element.arguments[4];
    frame.r9 = element.arguments[5];
    return frame;
}

// again: it was preempted. What else became of it is its own affair.
Result<void> carry_out_element(Vcpu &caller, uint64_t place) {
    ringfold_multicall_element element;
    TRY(caller.call_buffer.read_object(place, element));
    const CallOutcome outcome = dispatch_part(caller, registers_of(element));
    const ringfold_hypercall_result result{.status = outcome.status, .value = outcome.second};
    static_assert(sizeof result == sizeof element - offsetof(ringfold_multicall_element, status));
    TRY(caller.call_buffer.write_object(place + offsetof(ringfold_multicall_element, status), result));
    return outcome.status == -RINGFOLD_EAGAIN ? Result<void>{Error::again} : Result<void>{};
}

}  // namespace

Returns_progress multicall(Vcpu &caller, uint64_t offset, uint64_t count) {
    const Batch batch{.offset = offset,
                      .count = count,
                      .element_size = sizeof(ringfold_multicall_element),
                      .most = RINGFOLD_MULTICALL_MAX};
    return for_each_element(caller, batch, [&caller](uint64_t place) { return carry_out_element(caller, place); });
}

}  // namespace ringfold::hypercall
