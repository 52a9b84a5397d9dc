// SPDX-License-Identifier: Apache-2.0
//
// Type-safe formatting: format_to(buffer, "frame {} of {:#x}", frame, address). The format string is checked against
// the arguments when it is compiled; no heap, no exceptions. A type becomes printable by an overload of format_value()
// in this namespace, and a number for {:x} by `takes_number_spec`. `{{` and `}}` stand for braces.
#pragma once

#include "hypervisor/lib/format_buffer.hpp"
#include "hypervisor/lib/format_spec.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace ringfold {

// --- how values are written
// ---------------------------------------------------------------------------------------------

void format_text(FormatBuffer &out, const FormatSpec &spec, std::string_view text);
void format_unsigned(FormatBuffer &out, const FormatSpec &spec, uint64_t value, bool negative = false);

inline void format_value(FormatBuffer &out, const FormatSpec &spec, std::string_view value) {
    format_text(out, spec, value);
}
inline void format_value(FormatBuffer &out, const FormatSpec &spec, const char *value) {
    format_text(out, spec, value == nullptr ? std::string_view{"(null)"} : std::string_view{value});
}
void format_value(FormatBuffer &out, const FormatSpec &spec, const void *value);

template <std::same_as<bool> T>
void format_value(FormatBuffer &out, const FormatSpec &spec, T value) {
    format_text(out, spec, value ? "true" : "false");
}
template <std::same_as<char> T>
void format_value(FormatBuffer &out, const FormatSpec &spec, T value) {
    format_text(out, spec, {&value, 1});
}

template <typename T>
concept PlainInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

template <PlainInteger T>
void format_value(FormatBuffer &out, const FormatSpec &spec, T value) {
    if constexpr (std::is_signed_v<T>) {
        if (value < 0) {
            format_unsigned(out, spec, uint64_t{0} - static_cast<uint64_t>(value), true);
            return;
        }
    }
    format_unsigned(out, spec, static_cast<uint64_t>(value));
}

// Does {:x} mean something for T?
template <typename T>
inline constexpr bool takes_number_spec = PlainInteger<T>;

// --- format strings
// -----------------------------------------------------------------------------------------------------

// Never defined: calling it while a format string is evaluated ends compilation with the reason on the screen.
void invalid_format_string(const char *reason);

// Checks `text` for as many placeholders as `number_allowed` has elements: [i] says whether argument i is a number.
consteval void check_format_string(std::string_view text, std::span<const bool> number_allowed) {
    std::size_t used = 0;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '{' && c != '}') {
            continue;
        }
        if (!text.empty() && text.front() == c) {
            text.remove_prefix(1);
            continue;
        }
        if (c == '}') {
            invalid_format_string("a closing brace stands alone");
        }
        const ParsedSpec parsed = parse_format_spec(text);
        if (!parsed.valid) {
            invalid_format_string("a placeholder that does not parse");
        }
        if (used == number_allowed.size()) {
            invalid_format_string("more placeholders than arguments");
        }
        if (parsed.spec.for_numbers_only() && !number_allowed[used]) {
            invalid_format_string("a number format for something that is not a number");
        }
        ++used;
        text = parsed.rest;
    }
    if (used != number_allowed.size()) {
        invalid_format_string("more arguments than placeholders");
    }
}

template <typename... Args>
class BasicFormatString {
  public:
    // NOLINTNEXTLINE(google-explicit-constructor): a literal is meant to become one
    consteval BasicFormatString(const char *text) : text_(text) {
        constexpr std::array<bool, sizeof...(Args)> numbers{takes_number_spec<std::remove_cvref_t<Args>>...};
        check_format_string(text_, numbers);
    }
    [[nodiscard]] constexpr std::string_view text() const { return text_; }

  private:
    std::string_view text_;
};

template <typename... Args>
using FormatString = BasicFormatString<std::type_identity_t<Args>...>;

// --- arguments, their types erased
// --------------------------------------------------------------------------------------

struct FormatArgument {
    const void *value;
    void (*write)(FormatBuffer &out, const FormatSpec &spec, const void *value);
};

template <typename T>
[[nodiscard]] FormatArgument format_argument(const T &value) {
    if constexpr (std::is_array_v<T>) {  // a string literal
        return {&value, [](FormatBuffer &out, const FormatSpec &spec, const void *erased) {
                    format_value(out, spec, static_cast<const char *>(erased));
                }};
    } else {
        return {&value, [](FormatBuffer &out, const FormatSpec &spec, const void *erased) {
                    format_value(out, spec, *static_cast<const T *>(erased));
                }};
    }
}

void format_erased(FormatBuffer &out, std::string_view text, std::span<const FormatArgument> arguments);

template <typename... Args>
void format_to(FormatBuffer &out, FormatString<Args...> format, const Args &...args) {
    const std::array<FormatArgument, sizeof...(Args)> arguments{format_argument(args)...};
    format_erased(out, format.text(), arguments);
}

}  // namespace ringfold
