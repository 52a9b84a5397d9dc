// SPDX-License-Identifier: Apache-2.0
//
// How fast does a counter run? It is compared with a reference of known speed over a short window. Virtual machines are
// paused at any point, so each reading of the reference is bracketed by two of the counter and the tightest of several
// brackets is used; the result is the median of a few windows.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ringfold {

// A counter of known frequency that wraps at `mask()` + 1.
template <typename T>
concept ReferenceCounter = requires(T counter, uint64_t ticks) {
    { counter.read() } -> std::same_as<uint64_t>;
    { counter.mask() } -> std::same_as<uint64_t>;
    { counter.nanoseconds(ticks) } -> std::same_as<uint64_t>;  // how long `ticks` of it last
};

// The counter to be measured, counting up in 64 bits.
template <typename T>
concept MeasuredCounter = requires(T counter) {
    { counter.read() } -> std::same_as<uint64_t>;
};

struct CalibrationWindow {
    uint64_t nanoseconds = 10'000'000;
    // A reference that has not moved on after so many ticks of the measured counter is dead: 10 s at 5 GHz.
    uint64_t patience = 50'000'000'000;
};

template <MeasuredCounter Measured, ReferenceCounter Reference>
class Calibration {
  public:
    Calibration(Measured &measured, Reference &reference, CalibrationWindow window = {})
        : measured_(measured), reference_(reference), window_(window) {}

    // Hz, or Error::device when the reference stands still or the measured counter does.
    [[nodiscard]] Result<uint64_t> frequency() {
        std::array<uint64_t, 3> results{};
        for (uint64_t &result : results) {
            result = TRY(measure_once());
        }
        std::sort(results.begin(), results.end());
        return results[1];
    }

  private:
    struct Sample {
        uint64_t measured;
        uint64_t reference;
    };

    Sample sample() {
        constexpr int attempts = 5;
        Sample best{};
        uint64_t tightest = ~uint64_t{0};
        for (int i = 0; i < attempts; ++i) {
            const uint64_t before = measured_.read();
            const uint64_t reference = reference_.read();
            const uint64_t width = measured_.read() - before;
            if (width < tightest) {
                tightest = width;
                best = {.measured = before + width / 2, .reference = reference};
            }
        }
        return best;
    }

    [[nodiscard]] uint64_t elapsed(uint64_t since) {
        return reference_.nanoseconds((reference_.read() - since) & reference_.mask());
    }

    Result<uint64_t> measure_once() {
        const Sample start = sample();
        while (elapsed(start.reference) < window_.nanoseconds) {
            if (measured_.read() - start.measured > window_.patience) {
                return Error::device;
            }
        }
        const Sample end = sample();
        const uint64_t nanoseconds = reference_.nanoseconds((end.reference - start.reference) & reference_.mask());
        const uint64_t ticks = end.measured - start.measured;
        constexpr uint64_t most_ticks = ~uint64_t{0} / 1'000'000'000;
        if (nanoseconds == 0 || ticks == 0 || ticks > most_ticks) {
            return Error::device;
        }
        return ticks * 1'000'000'000 / nanoseconds;
    }

    Measured &measured_;
    Reference &reference_;
    CalibrationWindow window_;
};

}  // namespace ringfold
