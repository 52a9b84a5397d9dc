// SPDX-License-Identifier: Apache-2.0
//
// Which pool a domain and a CPU belong to, and, in a pool that is one to one, which vCPU owns which CPU. All changes
// are made under one lock, so pools do not change under each other.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/sched/pools.hpp"

#include <cstdint>

namespace ringfold::ownership {

[[nodiscard]] uint32_t domains_in(uint8_t pool);

// busy: the pool has no CPU, or is one to one and has too few free ones. Nothing is changed then.
[[nodiscard]] Result<void> move_domain(Domain &domain, uint8_t pool);
// busy: owned, or the last CPU of a pool that has domains or may get new ones.
[[nodiscard]] Result<void> move_cpu(CpuId cpu, uint8_t pool);
// busy: a domain is in the pool.
[[nodiscard]] Result<void> set_mode(uint8_t pool, PoolMode mode);

// As scheduler::reserve(): the vCPU gets a CPU of its own, if its pool is one to one.
[[nodiscard]] Result<void> reserve(Vcpu &vcpu);
// It goes offline. Under the run-queue lock of its home.
void release(ScheduleEntry &entry);

}  // namespace ringfold::ownership
