// SPDX-License-Identifier: Apache-2.0
//
// A vCPU's state, and what its page tells of it.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/trace/names.hpp"
#include "hypervisor/trace/trace.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

// Under the run-queue lock of its home. Accounts for the state that ends.
inline void set_state(Vcpu &vcpu, VcpuState state, uint64_t now) {
    ScheduleEntry &entry = vcpu.schedule;
    trace::note<trace::Class::scheduling>(RINGFOLD_TRACE_STATE, trace::name_of(&vcpu), abi_state(state));
    entry.change_state(state, now);
    if (vcpu.page == nullptr) {
        return;
    }
    ringfold_vcpu_page &page = *vcpu.page;
    const std::atomic_ref<uint32_t> version(page.state_version);
    const uint32_t odd = version.load(std::memory_order_relaxed) | 1;
    version.store(odd, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t index = 0; index < entry.run_time.size(); ++index) {
        page.run_time[index] = entry.run_time[index];
    }
    page.state = abi_state(state);
    page.state_since = now;
    version.store(odd + 1, std::memory_order_release);
    std::atomic_ref<uint8_t>(page.preempted).store(state == VcpuState::runnable ? 1 : 0, std::memory_order_relaxed);
}

}  // namespace ringfold
