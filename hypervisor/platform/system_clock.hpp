// SPDX-License-Identifier: Apache-2.0
//
// One CPU's clock: its time-stamp counter as system time, and back again for deadlines.
#pragma once

#include "hypervisor/platform/time_scale.hpp"

#include <cstdint>

namespace ringfold {

class SystemClock {
  public:
    constexpr SystemClock() = default;

    // System time is `system_time` at the count `tsc`, which advances at `frequency` Hz.
    [[nodiscard]] static constexpr Result<SystemClock> starting(uint64_t tsc, uint64_t system_time,
                                                                uint64_t frequency) {
        const FrequencyRatio to_nanoseconds = TRY(FrequencyRatio::between(frequency, nanoseconds_per_second));
        const FrequencyRatio to_ticks = TRY(FrequencyRatio::between(nanoseconds_per_second, frequency));
        return SystemClock{{.tsc_timestamp = tsc,
                            .system_time = system_time,
                            .multiplier = to_nanoseconds.multiplier(),
                            .shift = to_nanoseconds.shift()},
                           to_ticks};
    }

    // The same clock on a CPU whose counter is ahead of this one's by `ahead` ticks (negative: behind).
    [[nodiscard]] constexpr SystemClock shifted(int64_t ahead) const {
        SystemClock clock = *this;
        clock.scale_.tsc_timestamp += static_cast<uint64_t>(ahead);
        return clock;
    }

    [[nodiscard]] constexpr const TimeScale &scale() const { return scale_; }
    [[nodiscard]] constexpr uint64_t nanoseconds_at(uint64_t tsc) const { return scale_.nanoseconds_at(tsc); }

    // The first count, up to rounding of one part in 2^31, at which `nanoseconds` is reached.
    [[nodiscard]] constexpr uint64_t tsc_at(uint64_t nanoseconds) const {
        if (nanoseconds <= scale_.system_time) {
            return scale_.tsc_timestamp;
        }
        // Beyond that the product would not fit; such deadlines lie years ahead.
        constexpr uint64_t farthest = uint64_t{1} << 58;
        const uint64_t ahead = nanoseconds - scale_.system_time;
        return scale_.tsc_timestamp + to_ticks_.apply(ahead < farthest ? ahead : farthest) + 1;
    }

  private:
    constexpr SystemClock(TimeScale scale, FrequencyRatio to_ticks) : scale_(scale), to_ticks_(to_ticks) {}

    TimeScale scale_{};
    FrequencyRatio to_ticks_{};
};

}  // namespace ringfold
