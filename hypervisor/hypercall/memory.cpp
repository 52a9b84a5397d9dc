// SPDX-License-Identifier: Apache-2.0
//
// Frames come to domains, leave them, and are exchanged.
#include "hypervisor/domain/access.hpp"
#include "hypervisor/hypercall/batch.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/machine_to_physical.hpp"
#include "hypervisor/trace/trace.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace ringfold::hypercall {

namespace {

constexpr uint64_t most_frames = 512;
constexpr uint32_t extent_order = big_page_shift - page_shift;

// A block of cleared frames that nobody has.
Result<void> assign_block(DomainMemory &memory, MachineFrame first, Order order, GuestFrame guest_frame) {
    if (const Result<void> assigned = assign_frames(memory, first, order.frames()); !assigned.ok()) {
        free_clean_frames(first, order);
        return assigned.error();
    }
    for (FrameCount frame{0}; frame < order.frames(); frame += FrameCount{1}) {
        machine_to_physical::set(first + frame, guest_frame + frame);
    }
    trace::note<trace::Class::memory>(RINGFOLD_TRACE_MEMORY_POPULATE, first.raw(), order.raw());
    return {};
}

// One block: its pseudo-physical number comes from the call buffer, its machine frame goes there.
Result<void> populate_one(const Vcpu &caller, DomainMemory &memory, uint64_t offset, Order order) {
    uint64_t guest_frame = 0;
    TRY(caller.call_buffer.read_object(offset, guest_frame));
    const MachineFrame first = TRY(allocate_frames_by_parts(order, memory.claim()));
    TRY(assign_block(memory, first, order, GuestFrame{guest_frame}));
    return caller.call_buffer.write_object(offset, first.raw());
}

// One block, whose frames come from the call buffer and are the pseudo-physical ones, too.
Result<void> populate_one_at(Vcpu &caller, uint64_t offset, Order order) {
    uint64_t frame = 0;
    TRY(caller.call_buffer.read_object(offset, frame));
    DomainMemory &memory = caller.domain.memory;
    const Result<MachineFrame> first = allocate_frames_at_by_parts(MachineFrame{frame}, order, memory.claim());
    if (!first.ok()) {
        return first.error() == Error::not_found ? caller.call_buffer.write_object(offset, RINGFOLD_NO_FRAME)
                                                 : Result<void>{first.error()};
    }
    return assign_block(memory, first.value(), order, GuestFrame{frame});
}

Result<void> release_one(Vcpu &caller, uint64_t offset) {
    uint64_t frame = 0;
    TRY(caller.call_buffer.read_object(offset, frame));
    TRY(release_frame(caller.domain.memory, MachineFrame{frame}));
    free_frames(MachineFrame{frame}, Order{0});
    trace::note<trace::Class::memory>(RINGFOLD_TRACE_MEMORY_RELEASE, frame);
    return {};
}

struct ExchangeList {
    std::array<MachineFrame, frames_per_extent> frames;
};

// One extent. The list is copied once: what is checked is what is taken.
Result<void> exchange_one(Vcpu &caller, uint64_t give, uint64_t get, Order order, MachineAddress limit) {
    uint64_t guest_frame = 0;
    TRY(caller.call_buffer.read_object(get, guest_frame));
    const Owned<ExchangeList> list = TRY(create_owned<ExchangeList>());
    const std::span given = std::span{list->frames}.first(order.frames().raw());
    TRY(caller.call_buffer.read_array(give, given));
    const MachineFrame first = TRY(allocate_frames_below_by_parts(order, limit));
    if (const Result<void> exchanged = exchange_frames(caller.domain.memory, given, first); !exchanged.ok()) {
        free_clean_frames(first, order);
        return exchanged.error();
    }
    for (const MachineFrame frame : given) {
        free_frames(frame, Order{0});
    }
    for (FrameCount frame{0}; frame < order.frames(); frame += FrameCount{1}) {
        machine_to_physical::set(first + frame, GuestFrame{guest_frame} + frame);
    }
    return caller.call_buffer.write_object(get, first.raw());
}

constexpr Batch frame_numbers(uint64_t offset, uint64_t count) {
    return {.offset = offset, .count = count, .element_size = sizeof(uint64_t), .most = most_frames};
}

constexpr bool is_block_order(uint32_t order) { return order == 0 || order == extent_order; }

Progress populate(const Vcpu &caller, DomainMemory &memory, uint64_t offset, uint64_t count, uint32_t order) {
    if (!is_block_order(order)) {
        return Error::invalid_argument;
    }
    return for_each_element(caller, frame_numbers(offset, count),
                            [&](uint64_t element) { return populate_one(caller, memory, element, Order{order}); });
}

}  // namespace

Returns_progress memory_populate(Vcpu &caller, uint64_t offset, uint64_t count, uint32_t order) {
    return populate(caller, caller.domain.memory, offset, count, order);
}

Returns_progress domain_populate(Vcpu &caller, uint32_t domain, uint64_t offset, uint64_t count, uint32_t order) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::control));
    return populate(caller, target->memory, offset, count, order);
}

Returns_progress memory_populate_at(Vcpu &caller, uint64_t offset, uint64_t count, uint32_t order) {
    if (!is_block_order(order)) {
        return Error::invalid_argument;
    }
    return for_each_element(caller, frame_numbers(offset, count),
                            [&](uint64_t element) { return populate_one_at(caller, element, Order{order}); });
}

Returns_progress memory_release(Vcpu &caller, uint64_t offset, uint64_t count) {
    return for_each_element(caller, frame_numbers(offset, count),
                            [&caller](uint64_t element) { return release_one(caller, element); });
}

Returns_progress memory_exchange(Vcpu &caller, uint64_t give, uint64_t get, uint64_t count, uint32_t order,
                                 uint32_t address_bits) {
    if (count > most_frames || order > extent_order || address_bits < page_shift || address_bits > 64) {
        return Error::out_of_range;
    }
    constexpr uint32_t most_bits = 52;  // of a machine address (Intel SDM volume 3A, section 4.1.4, MAXPHYADDR)
    const MachineAddress limit{uint64_t{1} << std::min(address_bits, most_bits)};
    const uint64_t bytes_of_one = sizeof(uint64_t) << order;
    TRY(caller.call_buffer.check(give, count * bytes_of_one));
    uint64_t next = give;
    return for_each_element(caller, frame_numbers(get, count), [&](uint64_t element) -> Result<void> {
        TRY(exchange_one(caller, next, element, Order{order}, limit));
        next += bytes_of_one;
        return {};
    });
}

}  // namespace ringfold::hypercall
