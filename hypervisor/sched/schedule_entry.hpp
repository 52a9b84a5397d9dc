// SPDX-License-Identifier: Apache-2.0
//
// What the scheduler knows about a vCPU, and about a domain. Who may touch it: the run-queue lock of the vCPU's home,
// if nothing else is said.
#pragma once

#include "hypervisor/lib/ordered_tree.hpp"
#include "hypervisor/lib/shared_cpu_set.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/sched/bandwidth.hpp"
#include "hypervisor/sched/standstill.hpp"
#include "hypervisor/sched/timer_queue.hpp"
#include "hypervisor/sched/vcpu_state.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold {

struct Vcpu;

inline constexpr CpuSet every_cpu{~uint64_t{0}};

// A domain's parameters. Whoever changes them makes the CPUs concerned look again.
struct DomainSchedule {
    std::atomic<uint32_t> weight = Weight::normal;  // of each of its vCPUs
    Bandwidth bandwidth;
    Standstill standstill;
    std::atomic<uint8_t> pool = 0;  // of CPUs; sched/pool.hpp
};

struct ScheduleEntry : OrderedNode<struct ReadyTag> {
    ScheduleEntry(DomainSchedule &owner, Vcpu *self, CpuId cpu) : domain(owner), vcpu(self), home(cpu) {}

    [[nodiscard]] Weight weight() const { return Weight{domain.weight.load(std::memory_order_relaxed)}; }

    [[nodiscard]] bool is_waiting() const { return OrderedNode<ReadyTag>::in_tree(); }

    // Ends the present state at `now` and accounts for it.
    void change_state(VcpuState next, uint64_t now) {
        run_time[abi_state(state)] += now - state_since;
        state = next;
        state_since = now;
    }

    DomainSchedule &domain;
    Vcpu *const vcpu;  // null in simulations
    // The CPU in whose run queue it is, or was last. Changes only under the lock of the queue that it leaves, and while
    // it is in no queue; who has not got that lock reads a hint.
    std::atomic<CpuId> home;
    // Its registers are on `home`, or not yet off it: it can run nowhere else. Set under the lock, cleared by that CPU.
    std::atomic<bool> on_cpu = false;

    VcpuState state = VcpuState::offline;
    // Runnable, but its domain is paused, or its cap exhausted: then it waits for `wait_timer`.
    bool parked = false;
    bool was_notified = false;   // since begin_wait()
    VirtualTime virtual_time{};  // as its home counts (ReadyQueue)
    // Where it may run, those of them where it had rather run, and in a pool that is one to one its own CPU. They
    // change under the lock; who reads without it has a hint.
    SharedCpuSet affinity{every_cpu};
    SharedCpuSet preferred{every_cpu};
    SharedCpuSet owned;
    uint64_t state_since = 0;            // ns of system time
    std::array<uint64_t, 4> run_time{};  // ns in each state, by RINGFOLD_VCPU_*
    Timer timer{*this};                  // the guest's
    Timer wait_timer{*this};             // the end of a wait: of blocking with a deadline, or of being parked
    Timer watchdog{*this};               // the domain's; used in vCPU 0's entry only, which may be offline then
};

}  // namespace ringfold
