// SPDX-License-Identifier: Apache-2.0
//
// Grants: the batches, element by element. What an element does is grant/.
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/grant/copy.hpp"
#include "hypervisor/grant/map.hpp"
#include "hypervisor/grant/transfer.hpp"
#include "hypervisor/hypercall/dispatcher.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <ringfold/grant.h>

namespace ringfold::hypercall {

namespace {

GrantReference find(DomainId id) {
    const Result<DomainReference> domain = find_domain(id);
    return domain.ok() ? GrantReference{domain.value()->grants} : GrantReference{};
}

// Copies each element once, applies `one` to the copy and writes it back with its status. At least one a call.
template <typename Element, typename One>
Progress for_each_element(const Vcpu &caller, uint64_t offset, uint64_t count, One &&one) {
    if (count > RINGFOLD_GRANT_BATCH_MAX) {
        return {.done = 0, .result = Error::out_of_range};
    }
    if (const Result<void> range = caller.call_buffer.check(offset, count * sizeof(Element)); !range.ok()) {
        return {.done = 0, .result = range.error()};
    }
    for (uint64_t done = 0; done < count; ++done) {
        if (done > 0 && machine::preemption_due()) {
            return {.done = done, .result = Error::again};
        }
        const uint64_t place = offset + done * sizeof(Element);
        Element element;
        if (const Result<void> read = caller.call_buffer.read_object(place, element); !read.ok()) {
            return {.done = done, .result = read.error()};
        }
        const Result<void> result = one(element);
        if (!result.ok() && result.error() == Error::again) {
            return {.done = done, .result = Error::again};
        }
        element.status = result.ok() ? 0 : static_cast<int32_t>(to_abi(result.error()));
        if (const Result<void> written = caller.call_buffer.write_object(place, element); !written.ok()) {
            return {.done = done, .result = written.error()};
        }
    }
    return {.done = count, .result = {}};
}

}  // namespace

Returns_nothing grant_table_set(Vcpu &caller, uint32_t index, uint64_t frame) {
    TypeReference page;
    if (frame != RINGFOLD_NO_FRAME) {
        page = TRY(hold_writable(caller.domain.memory, MachineFrame{frame}));
    }
    const TypeReference old = TRY(caller.domain.grants.table.lock()->set(index, std::move(page)));
    return {};
}

Returns_nothing grant_describe(Vcpu &caller, uint64_t offset) {
    return caller.call_buffer.write_object(offset, caller.domain.grants.info());
}

Returns_progress grant_map(Vcpu &caller, uint64_t offset, uint64_t count) {
    return for_each_element<ringfold_grant_map_element>(
        caller, offset, count,
        [&caller](ringfold_grant_map_element &element) { return map_grant(caller.domain.grants, element, find); });
}

Returns_progress grant_unmap(Vcpu &caller, uint64_t offset, uint64_t count) {
    return for_each_element<ringfold_grant_unmap_element>(
        caller, offset, count,
        [&caller](const ringfold_grant_unmap_element &element) { return unmap_grant(caller.domain.grants, element); });
}

Returns_progress grant_copy(Vcpu &caller, uint64_t offset, uint64_t count) {
    return for_each_element<ringfold_grant_copy_element>(caller, offset, count,
                                                         [&caller](const ringfold_grant_copy_element &element) {
                                                             return copy_grant(caller.domain.grants, element, find);
                                                         });
}

Returns_progress grant_transfer(Vcpu &caller, uint64_t offset, uint64_t count) {
    return for_each_element<ringfold_grant_transfer_element>(
        caller, offset, count, [&caller](const ringfold_grant_transfer_element &element) {
            return transfer_grant(caller.domain.grants, element, find);
        });
}

}  // namespace ringfold::hypercall
