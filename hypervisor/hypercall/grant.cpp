// SPDX-License-Identifier: Apache-2.0
//
// Grants: the batches, element by element. What an element does is grant/.
#include "hypervisor/cpu/count.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/grant/copy.hpp"
#include "hypervisor/grant/map.hpp"
#include "hypervisor/grant/transfer.hpp"
#include "hypervisor/hypercall/batch.hpp"
#include "hypervisor/hypercall/dispatcher.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/trace/trace.hpp"

#include <ringfold/grant.h>

namespace ringfold::hypercall {

namespace {

GrantReference find(DomainId id) {
    const Result<DomainReference> domain = find_domain(id);
    return domain.ok() ? GrantReference{domain.value()->grants} : GrantReference{};
}

// --- what the trace has of an element that was answered

uint64_t status_of(int32_t status) { return static_cast<uint64_t>(int64_t{status}); }

void note(const ringfold_grant_map_element &element) {
    trace::note<trace::Class::grants>(RINGFOLD_TRACE_GRANT_MAP, uint64_t{element.domain} << 32 | element.reference,
                                      element.status == 0 ? element.handle : status_of(element.status));
}
void note(const ringfold_grant_unmap_element &element) {
    trace::note<trace::Class::grants>(RINGFOLD_TRACE_GRANT_UNMAP, element.handle, status_of(element.status));
}
void note(const ringfold_grant_copy_element &element) {
    trace::note<trace::Class::grants>(RINGFOLD_TRACE_GRANT_COPY, element.length, status_of(element.status));
}
void note(const ringfold_grant_transfer_element &element) {
    trace::note<trace::Class::grants>(RINGFOLD_TRACE_GRANT_TRANSFER, element.frame, status_of(element.status));
}

// Copies each element once, applies `one` to the copy and writes it back with its status.
template <typename Element, typename One>
Progress answer_each(const Vcpu &caller, uint64_t offset, uint64_t count, uint64_t Counts::*done, One &&one) {
    const Batch batch{
        .offset = offset, .count = count, .element_size = sizeof(Element), .most = RINGFOLD_GRANT_BATCH_MAX};
    return for_each_element(caller, batch, [&caller, done, &one](uint64_t place) -> Result<void> {
        Element element;
        TRY(caller.call_buffer.read_object(place, element));
        const Result<void> result = one(element);
        if (!result.ok() && result.error() == Error::again) {
            return Error::again;
        }
        element.status = result.ok() ? 0 : static_cast<int32_t>(to_abi(result.error()));
        count_several(done, result.ok() ? 1 : 0);
        if (trace::is_on<trace::Class::grants>()) [[unlikely]] {
            note(element);
        }
        return caller.call_buffer.write_object(place, element);
    });
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
    return answer_each<ringfold_grant_map_element>(
        caller, offset, count, &Counts::grant_maps,
        [&caller](ringfold_grant_map_element &element) { return map_grant(caller.domain.grants, element, find); });
}

Returns_progress grant_unmap(Vcpu &caller, uint64_t offset, uint64_t count) {
    return answer_each<ringfold_grant_unmap_element>(
        caller, offset, count, &Counts::grant_unmaps,
        [&caller](const ringfold_grant_unmap_element &element) { return unmap_grant(caller.domain.grants, element); });
}

Returns_progress grant_copy(Vcpu &caller, uint64_t offset, uint64_t count) {
    return answer_each<ringfold_grant_copy_element>(caller, offset, count, &Counts::grant_copies,
                                                    [&caller](const ringfold_grant_copy_element &element) {
                                                        return copy_grant(caller.domain.grants, element, find);
                                                    });
}

Returns_progress grant_transfer(Vcpu &caller, uint64_t offset, uint64_t count) {
    return answer_each<ringfold_grant_transfer_element>(caller, offset, count, &Counts::grant_transfers,
                                                        [&caller](const ringfold_grant_transfer_element &element) {
                                                            return transfer_grant(caller.domain.grants, element, find);
                                                        });
}

}  // namespace ringfold::hypercall
