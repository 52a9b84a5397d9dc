// SPDX-License-Identifier: Apache-2.0
//
// Changing how domains and vCPUs are scheduled. What is asked is checked here; who may ask is not.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/sched/pool.hpp"

#include <ringfold/schedule.h>

#include <cstdint>

namespace ringfold::scheduler {

[[nodiscard]] ringfold_domain_schedule parameters_of(const Domain &domain);
// Errors as hypercall domain_schedule_set lists them; nothing is changed then.
[[nodiscard]] Result<void> set_parameters(Domain &domain, const ringfold_domain_schedule &parameters);

[[nodiscard]] ringfold_vcpu_schedule parameters_of(const Vcpu &vcpu);
[[nodiscard]] Result<void> set_parameters(Vcpu &vcpu, const ringfold_vcpu_schedule &parameters);

// Pools: errors as hypercalls pool_describe, pool_cpu_move and pool_mode_set list them.
[[nodiscard]] Result<ringfold_pool_info> describe_pool(uint32_t pool);
[[nodiscard]] Result<void> move_cpu(uint32_t cpu, uint32_t pool);
[[nodiscard]] Result<void> set_pool_mode(uint32_t pool, uint32_t mode);

}  // namespace ringfold::scheduler
