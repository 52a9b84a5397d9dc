// SPDX-License-Identifier: Apache-2.0
//
// Bytes between the caller's call buffer and another domain's frames, and what these are: how a builder fills a domain,
// how a debugger looks into it.
#include "hypervisor/domain/access.hpp"
#include "hypervisor/hypercall/batch.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/mm/machine_memory.hpp"

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

// A frame's number becomes its type.
Result<void> tell_type(const Vcpu &caller, DomainMemory &memory, uint64_t offset) {
    uint64_t word = 0;
    TRY(caller.call_buffer.read_object(offset, word));
    const ringfold_frame_info info = TRY(describe_frame(memory, MachineFrame{word}));
    return caller.call_buffer.write_object(offset, uint64_t{info.type});
}

}  // namespace

Returns_progress domain_copy(Vcpu &caller, uint32_t domain, uint32_t direction, uint64_t offset, uint64_t count) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::control));
    if (direction != RINGFOLD_DOMAIN_COPY_IN && direction != RINGFOLD_DOMAIN_COPY_OUT) {
        return Error::invalid_argument;
    }
    const Batch batch{.offset = offset,
                      .count = count,
                      .element_size = sizeof(ringfold_domain_copy_element),
                      .most = RINGFOLD_DOMAIN_COPY_MAX};
    return for_each_element(caller, batch,
                            [&](uint64_t element) { return copy_one(caller, target->memory, direction, element); });
}

Returns_progress domain_frame_types(Vcpu &caller, uint32_t domain, uint64_t offset, uint64_t count) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::control));
    const Batch batch{
        .offset = offset, .count = count, .element_size = sizeof(uint64_t), .most = RINGFOLD_DOMAIN_FRAME_TYPES_MAX};
    return for_each_element(caller, batch,
                            [&](uint64_t element) { return tell_type(caller, target->memory, element); });
}

}  // namespace ringfold::hypercall
