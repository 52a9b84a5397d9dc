// SPDX-License-Identifier: Apache-2.0
//
// From one clock's ticks to another's without a division, in the form that guests get too: the value is shifted, then
// multiplied by a 32-bit fraction,
//
//   ((ticks << shift) * multiplier) >> 32        (a negative shift shifts right)
//
// The multiplier's top bit is set, so the ratio is exact to one part in 2^31.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

[[nodiscard]] constexpr uint64_t scale_ticks(uint64_t ticks, uint32_t multiplier, int8_t shift) {
    const uint64_t shifted = shift >= 0 ? ticks << shift : ticks >> -shift;
    return static_cast<uint64_t>(static_cast<unsigned __int128>(shifted) * multiplier >> 32);
}

class FrequencyRatio {
  public:
    constexpr FrequencyRatio() = default;

    // Ticks at `from` Hz become ticks at `to` Hz. Both must be between 1 Hz and 2^40 Hz, their ratio below 2^31 either
    // way.
    [[nodiscard]] static constexpr Result<FrequencyRatio> between(uint64_t from, uint64_t to) {
        constexpr uint64_t highest = uint64_t{1} << 40;
        if (from == 0 || to == 0 || from > highest || to > highest) {
            return Error::out_of_range;
        }
        int shift = 0;
        while (to >= from) {
            from <<= 1;
            ++shift;
        }
        while (to << 1 < from) {
            to <<= 1;
            --shift;
        }
        if (shift > 31 || shift < -31) {
            return Error::out_of_range;
        }
        // Now 1/2 <= to / from < 1: long division for 32 bits of fraction.
        uint32_t fraction = 0;
        for (int bit = 0; bit < 32; ++bit) {
            to <<= 1;
            fraction <<= 1;
            if (to >= from) {
                to -= from;
                fraction |= 1;
            }
        }
        return FrequencyRatio{fraction, static_cast<int8_t>(shift)};
    }

    [[nodiscard]] constexpr uint64_t apply(uint64_t ticks) const { return scale_ticks(ticks, multiplier_, shift_); }
    [[nodiscard]] constexpr uint32_t multiplier() const { return multiplier_; }
    [[nodiscard]] constexpr int8_t shift() const { return shift_; }

  private:
    constexpr FrequencyRatio(uint32_t multiplier, int8_t shift) : multiplier_(multiplier), shift_(shift) {}

    uint32_t multiplier_ = 0;
    int8_t shift_ = 0;
};

}  // namespace ringfold
