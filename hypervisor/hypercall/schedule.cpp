// SPDX-License-Identifier: Apache-2.0
//
// Scheduling and time.
#include "hypervisor/cpu/state_report.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/event/poll.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <atomic>

namespace ringfold::hypercall {

Returns_nothing yield(Vcpu &) {
    scheduler::yield();
    return {};
}

Returns_nothing block(Vcpu &caller) { return block_until(caller, scheduler::no_deadline); }

Returns_nothing block_until(Vcpu &caller, uint64_t deadline) {
    std::atomic_ref<uint8_t>(caller.page->interrupt_flag).store(1, std::memory_order_relaxed);
    end_poll(caller.domain.events, caller.events);  // only an upcall wakes it
    scheduler::block(deadline);
    return {};
}

Returns_value yield_to(Vcpu &caller, uint32_t vcpu) {
    Vcpu &target = *TRY(caller.domain.find_vcpu(vcpu));
    if (&target == &caller) {
        return Error::invalid_argument;
    }
    return uint64_t{scheduler::yield_to(target) ? 1u : 0u};
}

Returns_nothing shutdown(Vcpu &caller, uint32_t reason, uint32_t code) {
    // The machine ends with it, and nobody can look any more.
    if (reason == RINGFOLD_SHUTDOWN_CRASH && caller.domain.is_control) {
        log_all_cpus();
    }
    return shut_down(caller.domain, reason, code);
}

Returns_nothing timer_set(Vcpu &, uint64_t deadline) {
    scheduler::set_timer(deadline);
    return {};
}

}  // namespace ringfold::hypercall
