// SPDX-License-Identifier: Apache-2.0
//
// The PC's battery-backed clock, and calendar arithmetic for what it says. Registers as in the Motorola MC146818's data
// sheet, which every PC follows.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

// What the registers hold, as they are.
struct ClockRegisters {
    uint8_t second = 0;
    uint8_t minute = 0;
    uint8_t hour = 0;
    uint8_t day = 0;
    uint8_t month = 0;
    uint8_t year = 0;
    uint8_t status_b = 0;

    constexpr bool operator==(const ClockRegisters &) const = default;
};

namespace clock_detail {

inline constexpr uint8_t status_b_24_hours = 0x02;
inline constexpr uint8_t status_b_binary = 0x04;
inline constexpr uint8_t hour_afternoon = 0x80;

[[nodiscard]] constexpr unsigned number(uint8_t value, bool binary) {
    return binary ? value : static_cast<unsigned>(value >> 4) * 10 + (value & 0xf);
}

// Days from 1970-01-01; a year begins with March here, so that the leap day is its last.
[[nodiscard]] constexpr uint64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    const unsigned march_year = month > 2 ? year : year - 1;
    const unsigned march_month = month > 2 ? month - 3 : month + 9;
    const unsigned day_of_year = (153 * march_month + 2) / 5 + day - 1;
    const uint64_t days =
        uint64_t{march_year} * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year;
    constexpr uint64_t until_1970 = 719'468;  // from 0000-03-01
    return days - until_1970;
}

}  // namespace clock_detail

// Seconds since 1970. The clock has two digits for the year: it is one of 1970 to 2069. malformed: no date.
[[nodiscard]] constexpr Result<uint64_t> seconds_since_1970(const ClockRegisters &registers) {
    using namespace clock_detail;
    const bool binary = (registers.status_b & status_b_binary) != 0;
    unsigned hour = 0;
    if ((registers.status_b & status_b_24_hours) != 0) {
        hour = number(registers.hour, binary);
    } else {
        const unsigned shown = number(registers.hour & static_cast<uint8_t>(~hour_afternoon), binary);
        if (shown < 1 || shown > 12) {
            return Error::malformed;
        }
        hour = shown % 12 + ((registers.hour & hour_afternoon) != 0 ? 12 : 0);
    }
    const unsigned second = number(registers.second, binary);
    const unsigned minute = number(registers.minute, binary);
    const unsigned day = number(registers.day, binary);
    const unsigned month = number(registers.month, binary);
    const unsigned year = number(registers.year, binary);
    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 || year > 99) {
        return Error::malformed;
    }
    const uint64_t days = days_since_1970(year < 70 ? 2000 + year : 1900 + year, month, day);
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

// Reads the clock between two updates. device: it never comes to rest.
[[nodiscard]] Result<ClockRegisters> read_real_time_clock();

}  // namespace ringfold
