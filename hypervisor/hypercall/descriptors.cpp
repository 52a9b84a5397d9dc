// SPDX-License-Identifier: Apache-2.0
//
// Segment descriptors and debug registers of the calling vCPU.
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/gate/descriptor.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/hypercall/handlers.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace ringfold::hypercall {

namespace {

constexpr uint32_t cpu_number_slot = RINGFOLD_TLS_COUNT;

using Chunk = std::array<uint64_t, 64>;

// Reads the descriptors of the call buffer piece by piece and calls `use(first, descriptors)`, which may refuse.
template <typename Use>
Result<void> for_each_chunk(const Vcpu &caller, uint64_t offset, uint32_t count, Use &&use) {
    Chunk chunk;
    for (uint32_t done = 0; done < count;) {
        const std::span part = std::span{chunk}.first(std::min<std::size_t>(chunk.size(), count - done));
        TRY(caller.call_buffer.read_array(offset + uint64_t{done} * sizeof(uint64_t), part));
        TRY(use(done, part));
        done += static_cast<uint32_t>(part.size());
    }
    return {};
}

Result<void> check(std::span<const uint64_t> descriptors) {
    return std::all_of(descriptors.begin(), descriptors.end(), descriptor::guest_may_have)
               ? Result<void>{}
               : Result<void>{Error::access_denied};
}

template <unsigned Index>
void set_address(Vcpu &caller, uint64_t value) {
    caller.debug.address[Index] = value;
    write_debug_register<Index>(value);
}

}  // namespace

// Checked once, then read again into the copy: what another vCPU changes meanwhile is checked again, descriptor by
// descriptor, and a refused one leaves the table empty.
Returns_nothing local_descriptor_table_set(Vcpu &caller, uint64_t offset, uint32_t count) {
    if (count > LocalDescriptorTable::max_descriptors) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, uint64_t{count} * sizeof(uint64_t)));
    TRY(for_each_chunk(caller, offset, count, [](uint32_t, std::span<const uint64_t> part) { return check(part); }));
    Result<void> result = caller.local_descriptors.reset(count);
    if (result.ok()) {
        result = for_each_chunk(caller, offset, count, [&caller](uint32_t first, std::span<const uint64_t> part) {
            const Result<void> checked = check(part);
            if (checked.ok()) {
                caller.local_descriptors.write(first, part);
            }
            return checked;
        });
        if (!result.ok()) {
            caller.local_descriptors.clear();
        }
    }
    load_descriptors(caller);
    this_cpu().guest.roots.flush_all();  // the old pages may be cached for any root
    return result;
}

Returns_nothing thread_descriptor_set(Vcpu &caller, uint32_t index, uint64_t descriptor) {
    if (index > cpu_number_slot) {
        return Error::out_of_range;
    }
    if (!descriptor::guest_may_have(descriptor)) {
        return Error::access_denied;
    }
    const uint64_t value = descriptor::as_loaded(descriptor);
    (index == cpu_number_slot ? caller.cpu_number_descriptor : caller.thread_descriptors[index]) = value;
    load_descriptors(caller);
    return {};
}

Returns_nothing debug_register_set(Vcpu &caller, uint32_t index, uint64_t value) {
    constexpr uint32_t control_index = 7;
    if (index == control_index) {
        if (!is_debug_control(value)) {
            return Error::access_denied;
        }
        caller.debug.control = value | DebugRegisters::control_reset;
        write_debug_register<7>(caller.debug.control);
        return {};
    }
    if (index >= caller.debug.address.size()) {
        return Error::out_of_range;
    }
    if (!may_watch(value)) {
        return Error::access_denied;
    }
    switch (index) {
        case 0:
            set_address<0>(caller, value);
            break;
        case 1:
            set_address<1>(caller, value);
            break;
        case 2:
            set_address<2>(caller, value);
            break;
        default:
            set_address<3>(caller, value);
            break;
    }
    return {};
}

Returns_value debug_register_get(Vcpu &caller, uint32_t index) {
    constexpr uint32_t control_index = 7;
    if (index == control_index) {
        return caller.debug.control;
    }
    if (index >= caller.debug.address.size()) {
        return Error::out_of_range;
    }
    return caller.debug.address[index];
}

}  // namespace ringfold::hypercall
