// SPDX-License-Identifier: Apache-2.0
//
// The time of day: UTC at system time 0, in ns since 1970. 0: not known.
#pragma once

#include <cstdint>

namespace ringfold {

// Takes it from the machine's clock. Needs system time. A machine without a sane clock is told of in the log.
void initialise_wall_clock();

[[nodiscard]] uint64_t wall_clock_base();
void set_wall_clock_base(uint64_t nanoseconds);

}  // namespace ringfold
