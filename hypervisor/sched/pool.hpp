// SPDX-License-Identifier: Apache-2.0
//
// A pool of CPUs: its domains run on these CPUs and no others do. Pure.
#pragma once

#include "hypervisor/lib/shared_cpu_set.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

enum class PoolMode : uint8_t {
    shared,      // vCPUs take turns
    one_to_one,  // a vCPU owns a CPU from its start to its end
};

struct Pool {
    SharedCpuSet cpus;
    SharedCpuSet idle;        // run nobody
    SharedCpuSet overloaded;  // let somebody wait
    SharedCpuSet owned;       // one_to_one: belong to a vCPU
    std::atomic<PoolMode> mode = PoolMode::shared;

    [[nodiscard]] VirtualTime level() const { return VirtualTime{level_.load(std::memory_order_relaxed)}; }
    // A CPU's queue is at this level. Small steps are not told: the word is shared by all CPUs.
    void raise_level(VirtualTime reached) {
        constexpr VirtualDuration step{1'000'000};
        int64_t known = level_.load(std::memory_order_relaxed);
        // Success: told. Failure: another CPU told its own; again, unless that is as high. Only a hint: relaxed.
        while (reached - VirtualTime{known} > step &&
               !level_.compare_exchange_weak(known, reached.raw(), std::memory_order_relaxed)) {
        }
    }

  private:
    std::atomic<int64_t> level_ = 0;  // the highest that a queue had
};

}  // namespace ringfold
