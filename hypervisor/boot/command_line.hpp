// SPDX-License-Identifier: Apache-2.0
//
// A command line: words separated by spaces, each `key` or `key=value`. Double quotes hold a value with spaces
// together: `title="a b"`. The first occurrence of a key counts.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringfold {

struct Option {
    std::string_view key;
    std::string_view value;  // without its quotes; empty if there is none
    bool has_value;
};

// Takes the next word off `rest`; nothing at the end. A quote that is never closed ends with the text.
[[nodiscard]] std::optional<Option> next_option(std::string_view &rest);

// A number in decimal, or in hexadecimal after 0x; malformed or out_of_range otherwise.
[[nodiscard]] Result<uint64_t> parse_number(std::string_view text);

class CommandLine {
  public:
    constexpr CommandLine() = default;
    constexpr explicit CommandLine(std::string_view text) : text_(text) {}

    [[nodiscard]] std::string_view text() const { return text_; }
    [[nodiscard]] std::optional<Option> find(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const { return find(key).has_value(); }
    // The value of `key`; nothing if it is absent or has none.
    [[nodiscard]] std::optional<std::string_view> value(std::string_view key) const;
    // not_found: absent or without a value; malformed, out_of_range: not a number up to `largest`.
    [[nodiscard]] Result<uint64_t> number(std::string_view key, uint64_t largest = ~uint64_t{0}) const;

  private:
    std::string_view text_;
};

}  // namespace ringfold
