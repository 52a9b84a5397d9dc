// SPDX-License-Identifier: Apache-2.0
//
// What a CPU tells the others about its run queue, to be read without its lock. It is a hint: whoever acts on it looks
// again under the lock.
#pragma once

#include "hypervisor/sched/policy.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

struct CpuLoad {
    std::atomic<uint32_t> waiting = 0;                             // vCPUs that wait for it
    std::atomic<int64_t> best_claim = VirtualTime::never().raw();  // of those, as the pool counts
    std::atomic<int64_t> running_claim = 0;                        // of the one that runs, at `running_since`
    std::atomic<uint64_t> running_since = 0;                       // ns of system time; 0: none runs
    std::atomic<uint32_t> running_weight = Weight::normal;

    [[nodiscard]] bool is_running() const { return running_since.load(std::memory_order_relaxed) != 0; }

    // The claim of the one that runs, now.
    [[nodiscard]] VirtualTime running_at(uint64_t now) const {
        const uint64_t since = running_since.load(std::memory_order_relaxed);
        const Weight weight{running_weight.load(std::memory_order_relaxed)};
        return VirtualTime{running_claim.load(std::memory_order_relaxed)} +
               VirtualDuration::of_run(now > since ? now - since : 0, weight);
    }
    [[nodiscard]] VirtualTime best_waiting() const { return VirtualTime{best_claim.load(std::memory_order_relaxed)}; }

    // Would a vCPU with this claim take the CPU from the one that runs?
    [[nodiscard]] bool gives_way_to(VirtualTime claim, uint64_t now) const {
        return is_running() && running_at(now) > claim + policy::wake_margin;
    }
};

}  // namespace ringfold
