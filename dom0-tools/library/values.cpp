// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <array>
#include <charconv>

namespace ringfold::tools {

namespace {

constexpr uint64_t cpus = 64;

struct RateUnit {
    std::string_view name;
    uint64_t bits;
};

constexpr std::array rate_units{RateUnit{"Kb/s", 1'000}, RateUnit{"Mb/s", 1'000'000}, RateUnit{"Gb/s", 1'000'000'000},
                                RateUnit{"KB/s", 8'000}, RateUnit{"MB/s", 8'000'000}, RateUnit{"GB/s", 8'000'000'000}};

std::string_view take_until(std::string_view &text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

// "3", "0-3"
Outcome<uint64_t> parse_range(std::string_view text) {
    const bool is_range = text.find('-') != std::string_view::npos;
    const uint64_t first = TRY(parse_number(take_until(text, '-'), 0, cpus - 1));
    const uint64_t last = is_range ? TRY(parse_number(text, 0, cpus - 1)) : first;
    if (last < first) {
        return wrong(fmt::format("{}-{} runs backwards", first, last));
    }
    const uint64_t count = last - first + 1;
    return (count == cpus ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << first;
}

}  // namespace

Outcome<uint64_t> parse_number(std::string_view text, uint64_t least, uint64_t most) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
        return wrong(fmt::format("\"{}\": expected a number from {} to {}", text, least, most));
    }
    return number;
}

Outcome<uint64_t> parse_mebibytes(std::string_view text) {
    constexpr uint64_t most = uint64_t{1} << 32;
    constexpr std::string_view suffixes = "KMGT";
    const std::string whole{text};
    if (text.ends_with("iB")) {
        text.remove_suffix(2);
    }
    std::size_t suffix = 1;
    if (!text.empty() && (text.back() < '0' || text.back() > '9')) {
        const char last = text.back();
        suffix = suffixes.find(last >= 'a' && last <= 'z' ? static_cast<char>(last - 'a' + 'A') : last);
        text.remove_suffix(1);
    }
    const Outcome<uint64_t> number = parse_number(text, 1, most);
    if (suffix == std::string_view::npos || !number.ok()) {
        return wrong(fmt::format("\"{}\": expected MiB, or a number with K, M, G or T, like \"256M\"", whole));
    }
    const uint64_t kibibytes = number.value() << (10 * suffix);
    if (kibibytes >> (10 * suffix) != number.value() || kibibytes % 1024 != 0 || kibibytes / 1024 > most) {
        return wrong(fmt::format("\"{}\": expected whole MiB, at most 4 PiB", whole));
    }
    return kibibytes / 1024;
}

Outcome<uint64_t> parse_cpus(std::string_view text) {
    if (text == "all") {
        return ~uint64_t{0};
    }
    const std::string whole{text};
    uint64_t set = text.starts_with('^') ? ~uint64_t{0} : 0;
    while (!text.empty()) {
        std::string_view part = take_until(text, ',');
        const bool without = part.starts_with('^');
        part.remove_prefix(without ? 1 : 0);
        const Outcome<uint64_t> some = parse_range(part);
        if (!some.ok()) {
            return wrong(fmt::format("\"{}\": expected CPUs like \"0-3,^1\" or \"all\"; {}", whole, some.error().text));
        }
        set = without ? set & ~some.value() : set | some.value();
    }
    if (set == 0) {
        return wrong(fmt::format("\"{}\" names no CPU", whole));
    }
    return set;
}

std::string format_cpus(uint64_t set) {
    if (set == ~uint64_t{0}) {
        return "all";
    }
    std::string text;
    for (uint64_t first = 0; first < cpus; ++first) {
        if ((set >> first & 1) == 0) {
            continue;
        }
        uint64_t last = first;
        while (last + 1 < cpus && (set >> (last + 1) & 1) != 0) {
            ++last;
        }
        text += fmt::format("{}{}", text.empty() ? "" : ",", first);
        text += last > first ? fmt::format("-{}", last) : "";
        first = last;
    }
    return text;
}

Outcome<uint64_t> parse_rate(std::string_view text) {
    for (const RateUnit &unit : rate_units) {
        if (text.ends_with(unit.name)) {
            const uint64_t number = TRY(parse_number(text.substr(0, text.size() - unit.name.size()), 1, 1'000'000));
            return number * unit.bits / 8;
        }
    }
    return wrong(fmt::format("rate \"{}\": expected a whole number with Kb/s, Mb/s, Gb/s, KB/s, MB/s or GB/s", text));
}

std::string format_seconds(uint64_t nanoseconds) {
    constexpr uint64_t tenth = 100'000'000;
    return fmt::format("{}.{}", nanoseconds / tenth / 10, nanoseconds / tenth % 10);
}

}  // namespace ringfold::tools
