// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/format.hpp"

namespace ringfold {

namespace {

// Writes digits from the end of `digits` backwards; returns those written.
std::string_view digits_of(uint64_t value, unsigned base, std::span<char, 20> digits) {
    std::size_t first = digits.size();
    do {
        digits[--first] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    return {digits.data() + first, digits.size() - first};
}

}  // namespace

void format_text(FormatBuffer &out, const FormatSpec &spec, std::string_view text) {
    const std::size_t padding = spec.width > text.size() ? spec.width - text.size() : 0;
    const bool right = spec.align == FormatSpec::Align::right;
    out.fill(' ', right ? padding : 0);
    out.append(text);
    out.fill(' ', right ? 0 : padding);
}

void format_unsigned(FormatBuffer &out, const FormatSpec &spec, uint64_t value, bool negative) {
    std::array<char, 20> storage;
    const bool hexadecimal = spec.type == FormatSpec::Type::hexadecimal;
    const std::string_view digits = digits_of(value, hexadecimal ? 16 : 10, storage);
    const std::string_view prefix = spec.prefix && hexadecimal ? "0x" : "";
    const std::size_t length = digits.size() + prefix.size() + (negative ? 1 : 0);
    const std::size_t padding = spec.width > length ? spec.width - length : 0;
    const bool left = spec.align == FormatSpec::Align::left;
    out.fill(' ', spec.zeros || left ? 0 : padding);
    out.append(negative ? "-" : "");
    out.append(prefix);
    out.fill('0', spec.zeros && !left ? padding : 0);
    out.append(digits);
    out.fill(' ', left ? padding : 0);
}

void format_value(FormatBuffer &out, const FormatSpec &, const void *value) {
    const FormatSpec hexadecimal{.type = FormatSpec::Type::hexadecimal, .prefix = true, .zeros = true, .width = 18};
    format_unsigned(out, hexadecimal, reinterpret_cast<uintptr_t>(value));
}

void format_erased(FormatBuffer &out, std::string_view text, std::span<const FormatArgument> arguments) {
    std::size_t used = 0;
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '{' && c != '}') {
            out.append(c);
        } else if (!text.empty() && text.front() == c) {
            out.append(c);
            text.remove_prefix(1);
        } else {
            // Checked when it was compiled: a placeholder, with an argument for it.
            const ParsedSpec parsed = parse_format_spec(text);
            const FormatArgument &argument = arguments[used++];
            argument.write(out, parsed.spec, argument.value);
            text = parsed.rest;
        }
    }
}

}  // namespace ringfold
