// SPDX-License-Identifier: Apache-2.0
//
// Bytes between the caller's call buffer and another domain's frames: how a builder fills a domain, how a debugger
// looks into it.
#include "hypervisor/domain/access.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <span>

namespace ringfold::hypercall {

namespace {

// The frame cannot become a page table, nor another domain's, while it is held.
Result<void> copy_in(const Vcpu &caller, DomainMemory &memory, const ringfold_domain_copy_element &element) {
    const TypeReference frame = TRY(hold_writable(memory, MachineFrame{element.frame}));
    return caller.call_buffer.read(element.buffer_offset, {pointer_to<std::byte>(frame.frame()) + element.frame_offset,
                                                           std::size_t{element.length}});
}

Result<void> copy_out(const Vcpu &caller, DomainMemory &memory, const ringfold_domain_copy_element &element) {
    const TypeReference frame = TRY(hold_readable(memory, MachineFrame{element.frame}));
    return caller.call_buffer.write(
        element.buffer_offset,
        {pointer_to<const std::byte>(frame.frame()) + element.frame_offset, std::size_t{element.length}});
}

Result<void> copy_one(const Vcpu &caller, DomainMemory &memory, uint32_t direction, uint64_t offset) {
    ringfold_domain_copy_element element;
    TRY(caller.call_buffer.read_object(offset, element));
    if (element.frame_offset > page_size || element.length > page_size - element.frame_offset) {
        return Error::out_of_range;
    }
    return direction == RINGFOLD_DOMAIN_COPY_IN ? copy_in(caller, memory, element) : copy_out(caller, memory, element);
}

Result<void> check(const Vcpu &caller, uint32_t direction, uint64_t offset, uint64_t count) {
    if (direction != RINGFOLD_DOMAIN_COPY_IN && direction != RINGFOLD_DOMAIN_COPY_OUT) {
        return Error::invalid_argument;
    }
    if (count > RINGFOLD_DOMAIN_COPY_MAX) {
        return Error::out_of_range;
    }
    return caller.call_buffer.check(offset, count * sizeof(ringfold_domain_copy_element));
}

}  // namespace

Returns_progress domain_copy(Vcpu &caller, uint32_t domain, uint32_t direction, uint64_t offset, uint64_t count) {
    const Result<DomainReference> target = find_target(caller.domain, domain, Right::control);
    if (!target.ok()) {
        return {.done = 0, .result = target.error()};
    }
    if (const Result<void> good = check(caller, direction, offset, count); !good.ok()) {
        return {.done = 0, .result = good.error()};
    }
    for (uint64_t done = 0; done < count; ++done) {
        if (done > 0 && machine::preemption_due()) {
            return {.done = done, .result = Error::again};
        }
        const uint64_t element = offset + done * sizeof(ringfold_domain_copy_element);
        if (const Result<void> copied = copy_one(caller, target.value()->memory, direction, element); !copied.ok()) {
            return {.done = done, .result = copied.error()};
        }
    }
    return {.done = count, .result = {}};
}

}  // namespace ringfold::hypercall
