// SPDX-License-Identifier: Apache-2.0
//
// Domains that are paused, what their vCPUs are then, and domains that watch over themselves.
#include "hypervisor/domain/pause.hpp"

#include "hypervisor/domain/access.hpp"
#include "hypervisor/domain/vcpu_context.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/sched/scheduler.hpp"

namespace ringfold::hypercall {

namespace {

// For a moment only: a CPU that is itself in the hypervisor may take long to come to its exit.
bool await_stop(Domain &domain) {
    while (!scheduler::has_stopped(domain)) {
        if (machine::preemption_due()) {
            return false;
        }
        __builtin_ia32_pause();
    }
    return true;
}

}  // namespace

Returns_progress domain_pause(Vcpu &caller, uint32_t domain, uint32_t counted) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    if (counted > 1 || (counted == 1 && pauses_of(*other) == 0)) {
        return Error::invalid_argument;
    }
    if (counted == 0) {
        TRY(pause(*other));
    }
    return {1, await_stop(*other) ? Result<void>{} : Result<void>{Error::again}};
}

Returns_value domain_unpause(Vcpu &caller, uint32_t domain) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    return uint64_t{TRY(unpause(*other))};
}

Returns_nothing domain_debug_set(Vcpu &caller, uint32_t domain, uint32_t mode) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    if (mode > RINGFOLD_DEBUG_STOPS) {
        return Error::invalid_argument;
    }
    other->is_debugged.store(mode == RINGFOLD_DEBUG_STOPS, std::memory_order_relaxed);
    return {};
}

Returns_nothing vcpu_context_get(Vcpu &caller, uint32_t domain, uint32_t vcpu, uint64_t offset) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    return caller.call_buffer.write_object(offset, TRY(read_registers(*other, vcpu)));
}

Returns_nothing vcpu_context_set(Vcpu &caller, uint32_t domain, uint32_t vcpu, uint64_t offset) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    ringfold_vcpu_registers registers;
    TRY(caller.call_buffer.read_object(offset, registers));
    return write_registers(*other, vcpu, registers);
}

Returns_nothing watchdog_set(Vcpu &caller, uint64_t deadline) {
    set_watchdog(caller.domain, deadline);
    return {};
}

}  // namespace ringfold::hypercall
