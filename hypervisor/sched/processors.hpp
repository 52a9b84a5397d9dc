// SPDX-License-Identifier: Apache-2.0
//
// The machine that dispatch.hpp works on: the real one.
#pragma once

#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/sched/dispatch.hpp"
#include "hypervisor/sched/pools.hpp"

namespace ringfold {

using RunQueueGuard = Locked<RunQueue, LockRank::run_queue>::Guard;

struct Processors {
    static RunQueueGuard lock(CpuId id) { return cpu(id).run_queue.lock(); }
    static CpuLoad &load_of(CpuId id) { return cpu(id).load; }
    static Pool &pool_of(CpuId id) { return pools::of(id); }
    static Pool &pool_of(const ScheduleEntry &entry) {
        return pools::at(entry.domain.pool.load(std::memory_order_relaxed));
    }
    static void kick(CpuId id) { ringfold::kick(id); }

    // The run queue of the vCPU's home, which is then where it is.
    static RunQueueGuard lock_home(const ScheduleEntry &entry) {
        for (;;) {
            const CpuId home = entry.home.load(std::memory_order_relaxed);
            auto queue = lock(home);
            // Whoever moves a vCPU changes this under the lock of the queue that it leaves.
            if (entry.home.load(std::memory_order_relaxed) == home) {
                return queue;
            }
        }
    }
};

static_assert(dispatch::Machine<Processors>);

}  // namespace ringfold
