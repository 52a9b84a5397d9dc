// SPDX-License-Identifier: Apache-2.0
//
// What each physical CPU has to itself. It stands at the same address on every CPU (virtual_map::cpu_data), so no
// register is needed to find it; other CPUs reach it through the direct map.
#pragma once

#include "hypervisor/cpu/cpu_space.hpp"
#include "hypervisor/cpu/features.hpp"
#include "hypervisor/cpu/guest_cpu.hpp"
#include "hypervisor/cpu/own_space.hpp"
#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/lock_rank.hpp"
#include "hypervisor/lib/locked.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/virtual_map.hpp"
#include "hypervisor/sched/run_queue.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

inline constexpr unsigned max_cpus = cpu_set_capacity;

struct PerCpu {
    CpuId id;
    CpuFeatures features;
    CpuSpace space;
    HeldLocks held_locks;  // debug builds
    GuestCpu guest;
    Locked<RunQueue, LockRank::run_queue> run_queue;
    CpuLoad load;                   // what the other CPUs see of run_queue
    std::atomic<uint8_t> pool = 0;  // sched/pools.hpp
};
static_assert(virtual_map::cpu_data.size >= sizeof(PerCpu));

// Before its own space is loaded, no CPU has this.
[[nodiscard]] inline PerCpu &this_cpu() { return *in_own_space<PerCpu>(virtual_map::cpu_data.base); }

// A CPU that has its space (created_cpus()), whether it runs yet or not.
[[nodiscard]] PerCpu &cpu(CpuId id);
[[nodiscard]] CpuSet created_cpus();

template <typename Visitor>
void for_each_cpu(Visitor &&visit) {
    created_cpus().for_each([&visit](CpuId id) { visit(cpu(id)); });
}

// Fills the data of CPU `id`, which is at `space.data`. already_exists: it was made before. Called with one CPU at a
// time.
Result<void> create_per_cpu(CpuId id, const CpuSpace &space);

// Whether this_cpu() may be used: the boot processor runs without for a while. Other CPUs enter C++ with it.
[[nodiscard]] bool per_cpu_ready();
// The boot processor has loaded its own root.
void set_per_cpu_ready();

// This CPU's id; 0 before there is a this_cpu().
[[nodiscard]] CpuId current_cpu();

}  // namespace ringfold
