// SPDX-License-Identifier: Apache-2.0
//
// The page-table batch, and what of it concerns the calling vCPU.
#include "hypervisor/cpu/count.hpp"
#include "hypervisor/mm/page_table_batch.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/batch.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/trace/trace.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace ringfold::hypercall {

namespace {

Vcpu &caller_of(void *context) { return *static_cast<Vcpu *>(context); }

void load_root(void *context, TypeReference root, RootCaching caching) {
    Vcpu &caller = caller_of(context);
    caller.root = std::move(root);
    caller.root_must_flush = caching == RootCaching::flush;
    count_one(&Counts::root_loads);
}

// The CPUs that run a vCPU of the domain which is in `vcpus`. One that runs none starts with a flush when it does.
CpuSet running(const Domain &domain, uint64_t vcpus) {
    CpuSet targets;
    for_each_cpu([&](PerCpu &cpu) {
        const Vcpu *const current = std::atomic_ref<Vcpu *>(cpu.guest.current).load(std::memory_order_acquire);
        if (current != nullptr && domain.has(*current) && ((vcpus >> current->id.raw()) & 1) != 0) {
            targets.add(cpu.id);
        }
    });
    return targets;
}

// A range is flushed like everything: entering the hypervisor costs more than refilling does.
void flush(void *context, const FlushRequest &request) {
    const Vcpu &caller = caller_of(context);
    switch (request.scope) {
        case FlushScope::local:
            flush_for_guest(CpuSet::of(this_cpu().id));
            return;
        case FlushScope::vcpus:
            flush_for_guest(running(caller.domain, request.vcpus));
            return;
        case FlushScope::all:
            flush_for_guest(running(caller.domain, ~uint64_t{0}));
            return;
    }
}

bool is_exchange(const ringfold_page_table_operation &operation) {
    return operation.operation == RINGFOLD_PAGE_TABLE_EXCHANGE;
}

}  // namespace

Returns_progress page_table_batch(Vcpu &caller, uint64_t offset, uint64_t count) {
    std::array<ringfold_page_table_operation, 16> copy;
    const VcpuActions actions{.context = &caller, .load_root = load_root, .flush = flush};
    const Batch batch{
        .offset = offset, .count = count, .element_size = sizeof copy[0], .most = RINGFOLD_PAGE_TABLE_BATCH_MAX};
    return work_through(caller, batch, copy.size(), [&](uint64_t place, uint64_t operations) -> Progress {
        const std::span part = std::span{copy}.first(operations);
        TRY(caller.call_buffer.read_array(place, part));
        const BatchResult result = apply_page_table_batch(caller.domain.memory, part, actions);
        count_several(&Counts::page_table_operations, result.done);
        trace::note<trace::Class::memory>(RINGFOLD_TRACE_MEMORY_BATCH, operations, result.done);
        const auto done = part.first(result.done);
        if (std::any_of(done.begin(), done.end(), is_exchange)) {
            TRY(caller.call_buffer.write_array<ringfold_page_table_operation>(place, done));
        }
        return {result.done, result.result};
    });
}

}  // namespace ringfold::hypercall
