// SPDX-License-Identifier: Apache-2.0
//
// System time, the nanoseconds since boot, as a function of a CPU's time-stamp counter: the four numbers that guests
// get (abi/include/ringfold/vcpu.h, struct ringfold_time).
#pragma once

#include "hypervisor/platform/frequency_ratio.hpp"

#include <cstdint>

namespace ringfold {

inline constexpr uint64_t nanoseconds_per_second = 1'000'000'000;

struct TimeScale {
    uint64_t tsc_timestamp = 0;  // at this count
    uint64_t system_time = 0;    // it was this many ns
    uint32_t multiplier = 0;     // FrequencyRatio's
    int8_t shift = 0;

    // A count before the timestamp (another CPU's counter is a little behind) reads as the timestamp: time never
    // jumps by 2^64.
    [[nodiscard]] constexpr uint64_t nanoseconds_at(uint64_t tsc) const {
        return tsc < tsc_timestamp ? system_time : system_time + scale_ticks(tsc - tsc_timestamp, multiplier, shift);
    }
};

}  // namespace ringfold
