// SPDX-License-Identifier: Apache-2.0
//
// Scheduling and time.
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

Returns_nothing block(Vcpu &caller) {
    std::atomic_ref<uint8_t>(caller.page->interrupt_flag).store(1, std::memory_order_relaxed);
    end_poll(caller.domain.events, caller.events);  // only an upcall wakes it
    scheduler::block();
    return {};
}

Returns_nothing shutdown(Vcpu &caller, uint32_t reason, uint32_t code) {
    return shut_down(caller.domain, reason, code);
}

Returns_nothing timer_set(Vcpu &, uint64_t deadline) {
    scheduler::set_timer(deadline);
    return {};
}

}  // namespace ringfold::hypercall
