// SPDX-License-Identifier: Apache-2.0
//
// System time, the nanoseconds since boot, as a function of a CPU's time-stamp counter; its fields go to guests as they
// are (abi/include/ringfold/vcpu.h: struct ringfold_time).
#pragma once

#include "hypervisor/platform/frequency_ratio.hpp"

#include <cstdint>

namespace ringfold {

inline constexpr uint64_t nanoseconds_per_second = 1'000'000'000;

struct TimeScale {
    uint64_t tsc_timestamp = 0;  // at this count
    uint64_t system_time = 0;    // it was this many ns
    FrequencyRatio to_nanoseconds{};
    FrequencyRatio to_ticks{};

    [[nodiscard]] static constexpr Result<TimeScale> starting(uint64_t tsc, uint64_t system_time, uint64_t frequency) {
        TimeScale scale{.tsc_timestamp = tsc, .system_time = system_time, .to_nanoseconds = {}, .to_ticks = {}};
        scale.to_nanoseconds = TRY(FrequencyRatio::between(frequency, nanoseconds_per_second));
        scale.to_ticks = TRY(FrequencyRatio::between(nanoseconds_per_second, frequency));
        return scale;
    }

    // A count before the timestamp (another CPU's counter is a little behind) reads as the timestamp: time never
    // jumps by 2^64.
    [[nodiscard]] constexpr uint64_t nanoseconds_at(uint64_t tsc) const {
        return tsc < tsc_timestamp ? system_time : system_time + to_nanoseconds.apply(tsc - tsc_timestamp);
    }

    // The first count, up to rounding of one part in 2^31, at which `nanoseconds` is reached.
    [[nodiscard]] constexpr uint64_t tsc_at(uint64_t nanoseconds) const {
        if (nanoseconds <= system_time) {
            return tsc_timestamp;
        }
        // Beyond that the product would not fit; such deadlines lie a century ahead.
        constexpr uint64_t farthest = uint64_t{1} << 58;
        const uint64_t ahead = nanoseconds - system_time;
        return tsc_timestamp + to_ticks.apply(ahead < farthest ? ahead : farthest) + 1;
    }
};

}  // namespace ringfold
