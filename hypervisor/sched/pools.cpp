// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/pools.hpp"

#include "hypervisor/cpu/per_cpu.hpp"

namespace ringfold::pools {

namespace {

constinit std::array<Pool, count> pools{};

}  // namespace

Pool &at(uint8_t number) { return pools[number]; }

Pool &of(CpuId id) { return pools[cpu(id).pool.load(std::memory_order_relaxed)]; }

void add_this_cpu() { pools[0].cpus.set(this_cpu().id, true); }

}  // namespace ringfold::pools
