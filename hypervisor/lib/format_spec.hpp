// SPDX-License-Identifier: Apache-2.0
//
// What may stand between the braces of a format string:
//
//     {}   {:[align][#][0][width][type]}     align: < left (text's default), > right (numbers')
//                                            #: 0x before hexadecimal digits
//                                            0: pad with zeros to the width, which counts the 0x
//                                            type: d decimal, x hexadecimal; only for numbers
#pragma once

#include <cstdint>
#include <string_view>

namespace ringfold {

struct FormatSpec {
    enum class Align : uint8_t { automatic, left, right };
    enum class Type : uint8_t { automatic, decimal, hexadecimal };

    Align align = Align::automatic;
    Type type = Type::automatic;
    bool prefix = false;
    bool zeros = false;
    uint8_t width = 0;

    [[nodiscard]] constexpr bool for_numbers_only() const { return prefix || zeros || type != Type::automatic; }
};

struct ParsedSpec {
    FormatSpec spec;
    std::string_view rest;  // what follows the closing brace
    bool valid;
};

// `text` begins behind an opening brace.
[[nodiscard]] constexpr ParsedSpec parse_format_spec(std::string_view text) {
    FormatSpec spec;
    const auto take = [&text](char c) {
        const bool there = !text.empty() && text.front() == c;
        if (there) {
            text.remove_prefix(1);
        }
        return there;
    };
    if (take(':')) {
        spec.align = take('<')   ? FormatSpec::Align::left
                     : take('>') ? FormatSpec::Align::right
                                 : FormatSpec::Align::automatic;
        spec.prefix = take('#');
        spec.zeros = take('0');
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            const int width = spec.width * 10 + (text.front() - '0');
            if (width > 64) {
                return {spec, text, false};
            }
            spec.width = static_cast<uint8_t>(width);
            text.remove_prefix(1);
        }
        spec.type = take('x')   ? FormatSpec::Type::hexadecimal
                    : take('d') ? FormatSpec::Type::decimal
                                : FormatSpec::Type::automatic;
    }
    const bool valid = take('}');
    return {spec, text, valid};
}

}  // namespace ringfold
