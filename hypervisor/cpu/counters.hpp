// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ringfold/debug.h>

namespace ringfold {

// The counters of all CPUs together. Other CPUs go on counting meanwhile.
[[nodiscard]] ringfold_counters sum_counters();

// Logs those that are not zero.
void log_counters();

}  // namespace ringfold
