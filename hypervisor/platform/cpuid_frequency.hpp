// SPDX-License-Identifier: Apache-2.0
//
// What CPUID says about the time-stamp counter's frequency: a check on the measurement, not its replacement, for
// hypervisors below us and early steppings have been seen to say nonsense.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

// CPUID leaf 15h (Intel SDM vol. 2, CPUID): TSC = crystal * numerator / denominator.
struct TscLeaf {
    uint32_t denominator = 0;  // EAX
    uint32_t numerator = 0;    // EBX
    uint32_t crystal_hz = 0;   // ECX; 0: not enumerated
};

// `base_mhz` is leaf 16h, EAX[15:0]: the processor's base frequency, at which the TSC of those processors counts.
[[nodiscard]] constexpr std::optional<uint64_t> cpuid_tsc_frequency(TscLeaf leaf, uint32_t base_mhz) {
    if (leaf.denominator == 0 || leaf.numerator == 0) {
        return std::nullopt;
    }
    if (leaf.crystal_hz != 0) {
        return uint64_t{leaf.crystal_hz} * leaf.numerator / leaf.denominator;
    }
    if ((base_mhz & 0xffff) != 0) {
        return uint64_t{base_mhz & 0xffff} * 1'000'000;
    }
    return std::nullopt;
}

// Do two frequencies differ by more than one percent?
[[nodiscard]] constexpr bool frequencies_disagree(uint64_t a, uint64_t b) {
    const uint64_t difference = a > b ? a - b : b - a;
    return difference > (a > b ? a : b) / 100;
}

}  // namespace ringfold
