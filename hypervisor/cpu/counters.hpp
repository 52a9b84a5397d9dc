// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/lib/units.hpp"

#include <ringfold/debug.h>

namespace ringfold {

struct Domain;

// The counters of all CPUs together, of one that was created, and of a domain. What is counted goes on being counted
// meanwhile: each number is right, but they need not be of the same moment.
[[nodiscard]] ringfold_counters sum_counters();
[[nodiscard]] ringfold_counters counters_of(CpuId id);
[[nodiscard]] ringfold_counters counters_of(const Domain &domain);

// Logs those that are not zero.
void log_counters();

}  // namespace ringfold
