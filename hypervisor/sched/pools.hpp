// SPDX-License-Identifier: Apache-2.0
//
// The pools of CPUs there are. Every CPU and every domain is in one; at boot, in pool 0.
#pragma once

#include "hypervisor/sched/pool.hpp"

#include <array>
#include <cstdint>

namespace ringfold::pools {

inline constexpr uint8_t count = 8;
inline constexpr uint8_t of_new_domains = 0;

[[nodiscard]] Pool &at(uint8_t number);
[[nodiscard]] Pool &of(CpuId cpu);

// This CPU is about to schedule.
void add_this_cpu();

}  // namespace ringfold::pools
