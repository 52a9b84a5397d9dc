// SPDX-License-Identifier: Apache-2.0
//
// vCPUs of the calling domain.
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/sched/scheduler.hpp"

namespace ringfold::hypercall {

Returns_nothing call_buffer_set(Vcpu &caller, uint32_t index, uint64_t frame) {
    if (index >= RINGFOLD_CALL_BUFFER_PAGES) {
        return Error::out_of_range;
    }
    TypeReference page;
    if (frame != RINGFOLD_NO_FRAME) {
        page = TRY(hold_writable(caller.domain.memory, MachineFrame{frame}));
    }
    caller.call_buffer.set(index, std::move(page));
    return {};
}

Returns_nothing vcpu_register(Vcpu &caller, uint64_t offset) {
    ringfold_vcpu_entries entries;
    TRY(caller.call_buffer.read_object(offset, entries));
    TRY(check_entries(entries));
    caller.entries = entries;
    load_gate_entries(caller);
    return {};
}

Returns_nothing vcpu_start(Vcpu &caller, uint32_t vcpu, uint64_t offset) {
    Vcpu &target = *TRY(caller.domain.find_vcpu(vcpu));
    ringfold_vcpu_context context;
    TRY(caller.call_buffer.read_object(offset, context));
    return start_vcpu(target, caller.entries, context);
}

Returns_nothing vcpu_stop(Vcpu &) {
    scheduler::stop();
    return {};
}

Returns_value vcpu_state(Vcpu &caller, uint32_t vcpu) {
    const Vcpu &target = *TRY(caller.domain.find_vcpu(vcpu));
    return uint64_t{abi_state(scheduler::state_of(target))};
}

Returns_nothing vcpu_notify(Vcpu &caller, uint32_t vcpu) {
    Vcpu &target = *TRY(caller.domain.find_vcpu(vcpu));
    if (!scheduler::notify(target)) {
        return Error::not_found;
    }
    return {};
}

}  // namespace ringfold::hypercall
