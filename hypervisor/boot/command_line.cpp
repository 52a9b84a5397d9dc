// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/command_line.hpp"

namespace ringfold {

namespace {

[[nodiscard]] constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Where the word at the start of `text` ends: at the first space outside quotes.
[[nodiscard]] std::size_t word_length(std::string_view text) {
    bool quoted = false;
    std::size_t length = 0;
    while (length < text.size() && (quoted || !is_space(text[length]))) {
        quoted ^= text[length] == '"';
        ++length;
    }
    return length;
}

[[nodiscard]] std::string_view without_quotes(std::string_view value) {
    if (value.empty() || value.front() != '"') {
        return value;
    }
    value.remove_prefix(1);
    return value.substr(0, value.find('"'));
}

// The value of a digit, or something too large for any base.
[[nodiscard]] constexpr unsigned digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a') + 10 : 255;
}

}  // namespace

std::optional<Option> next_option(std::string_view &rest) {
    while (!rest.empty() && is_space(rest.front())) {
        rest.remove_prefix(1);
    }
    if (rest.empty()) {
        return std::nullopt;
    }
    const std::string_view word = rest.substr(0, word_length(rest));
    rest.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
        return Option{word, {}, false};
    }
    return Option{word.substr(0, equals), without_quotes(word.substr(equals + 1)), true};
}

Result<uint64_t> parse_number(std::string_view text) {
    unsigned base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    }
    if (text.empty()) {
        return Error::malformed;
    }
    uint64_t value = 0;
    for (const char c : text) {
        const unsigned digit = digit_of(c);
        if (digit >= base) {
            return Error::malformed;
        }
        if (value > (~uint64_t{0} - digit) / base) {
            return Error::out_of_range;
        }
        value = value * base + digit;
    }
    return value;
}

std::optional<Option> CommandLine::find(std::string_view key) const {
    std::string_view rest = text_;
    while (const auto option = next_option(rest)) {
        if (option->key == key) {
            return option;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> CommandLine::value(std::string_view key) const {
    const auto option = find(key);
    if (!option || !option->has_value) {
        return std::nullopt;
    }
    return option->value;
}

Result<uint64_t> CommandLine::number(std::string_view key, uint64_t largest) const {
    const auto text = value(key);
    if (!text) {
        return Error::not_found;
    }
    const uint64_t parsed = TRY(parse_number(*text));
    if (parsed > largest) {
        return Error::out_of_range;
    }
    return parsed;
}

}  // namespace ringfold
