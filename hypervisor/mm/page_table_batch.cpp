// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/page_table_batch.hpp"

#include "hypervisor/mm/entry_update.hpp"
#include "hypervisor/mm/flags_run.hpp"
#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

namespace {

using Operation = ringfold_page_table_operation;

constexpr uint64_t operations_between_checks = 32;

// A frame number as an operation gives it: numbers that no address can have name no RAM.
[[nodiscard]] MachineFrame named_frame(const Operation &operation) { return MachineFrame{operation.address}; }

Result<void> set(DomainMemory &memory, const Operation &operation, AccessedDirty bits) {
    TRY(set_entry(memory, MachineAddress{operation.address}, Entry{operation.value}, bits));
    return {};
}

Result<void> exchange(DomainMemory &memory, Operation &operation) {
    const Entry old =
        TRY(set_entry(memory, MachineAddress{operation.address}, Entry{operation.value}, AccessedDirty::as_given));
    operation.mask = old.raw();
    return {};
}

Result<void> pin(DomainMemory &memory, const Operation &operation) {
    if (operation.count < 1 || operation.count > 4) {
        return Error::invalid_argument;
    }
    return pin_table(memory, named_frame(operation), static_cast<Level>(operation.count));
}

Result<void> load_root(DomainMemory &memory, const Operation &operation, const VcpuActions &actions) {
    if (operation.value != RINGFOLD_ROOT_FLUSH && operation.value != RINGFOLD_ROOT_KEEP) {
        return Error::invalid_argument;
    }
    TypeReference root = TRY(take_root(memory, named_frame(operation)));
    actions.load_root(actions.context, std::move(root),
                      operation.value == RINGFOLD_ROOT_KEEP ? RootCaching::keep : RootCaching::flush);
    return {};
}

Result<FlushRequest> decode_flush(const Operation &operation) {
    if (operation.count > RINGFOLD_FLUSH_ALL) {
        return Error::invalid_argument;
    }
    const FlushRequest request{
        .scope = static_cast<FlushScope>(operation.count),
        .vcpus = operation.mask,
        .address = GuestAddress{operation.address},
        .pages = operation.value,
    };
    if (request.pages == 0) {
        return request;
    }
    constexpr uint64_t pages_of_a_half = uint64_t{1} << (47 - page_shift);
    if (request.pages > pages_of_a_half || request.address.page_offset() != 0 || !is_canonical(operation.address) ||
        !is_canonical(operation.address + (request.pages << page_shift) - 1)) {
        return Error::invalid_argument;
    }
    const bool starts_high = operation.address >> 63 != 0;
    const bool ends_high = (operation.address + (request.pages << page_shift) - 1) >> 63 != 0;
    return starts_high == ends_high ? Result<FlushRequest>{request} : Error::invalid_argument;
}

Result<void> flush(const Operation &operation, const VcpuActions &actions) {
    const FlushRequest request = TRY(decode_flush(operation));
    actions.flush(actions.context, request);
    return {};
}

Result<void> apply(DomainMemory &memory, Operation &operation, const VcpuActions &actions) {
    switch (operation.operation) {
        case RINGFOLD_PAGE_TABLE_SET:
            return set(memory, operation, AccessedDirty::as_given);
        case RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY:
            return set(memory, operation, AccessedDirty::keep);
        case RINGFOLD_PAGE_TABLE_EXCHANGE:
            return exchange(memory, operation);
        case RINGFOLD_PAGE_TABLE_FLAGS_RUN:
            return change_flags(memory, {.first = MachineAddress{operation.address},
                                         .count = operation.count,
                                         .value = operation.value,
                                         .mask = operation.mask});
        case RINGFOLD_PAGE_TABLE_PIN:
            return pin(memory, operation);
        case RINGFOLD_PAGE_TABLE_UNPIN:
            return unpin_table(memory, named_frame(operation));
        case RINGFOLD_PAGE_TABLE_LOAD_ROOT:
            return load_root(memory, operation, actions);
        case RINGFOLD_PAGE_TABLE_FLUSH:
            return flush(operation, actions);
        default:
            return Error::invalid_argument;  // a number that the guest made up
    }
}

}  // namespace

BatchResult apply_page_table_batch(DomainMemory &memory, std::span<ringfold_page_table_operation> operations,
                                   const VcpuActions &actions) {
    uint64_t done = 0;
    for (Operation &operation : operations) {
        const auto applied = apply(memory, operation, actions);
        if (!applied.ok()) {
            return {.done = done, .result = applied.error()};
        }
        ++done;
        if (done % operations_between_checks == 0 && done < operations.size() && machine::preemption_due()) {
            return {.done = done, .result = Error::again};
        }
    }
    return {.done = done, .result = {}};
}

}  // namespace ringfold
