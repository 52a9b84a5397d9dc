// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/boot/command_line.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>
#include <string_view>

namespace ringfold {

// Bytes, from a number with an optional K, M or G (powers of 1024). malformed, or out_of_range beyond 2^48.
[[nodiscard]] inline Result<uint64_t> parse_memory_size(std::string_view text) {
    unsigned shift = 0;
    if (!text.empty()) {
        switch (text.back()) {
            case 'K':
            case 'k':
                shift = 10;
                break;
            case 'M':
            case 'm':
                shift = 20;
                break;
            case 'G':
            case 'g':
                shift = 30;
                break;
            default:
                break;
        }
    }
    if (shift != 0) {
        text.remove_suffix(1);
    }
    const uint64_t number = TRY(parse_number(text));
    constexpr uint64_t largest = uint64_t{1} << 48;
    if (number > largest >> shift) {
        return Error::out_of_range;
    }
    return number << shift;
}

}  // namespace ringfold
