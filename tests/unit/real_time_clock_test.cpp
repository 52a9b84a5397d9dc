// SPDX-License-Identifier: Apache-2.0
//
// What the PC's clock says, against the host's calendar.
#include "hypervisor/platform/real_time_clock.hpp"

#include <gtest/gtest.h>
#include <ctime>

namespace ringfold {
namespace {

constexpr uint8_t hours_24 = 0x02;
constexpr uint8_t binary = 0x04;

uint8_t bcd(int value) { return static_cast<uint8_t>(value / 10 * 16 + value % 10); }

TEST(RealTimeClock, AgreesWithTheHostsCalendarOnEveryDayOfItsCentury) {
    constexpr uint64_t day = 86'400;
    for (uint64_t seconds = 12'345; seconds < 36'524 * day; seconds += day + 61) {
        const auto time = static_cast<time_t>(seconds);
        std::tm date{};
        ASSERT_NE(gmtime_r(&time, &date), nullptr);
        const int year = date.tm_year % 100;
        const ClockRegisters as_binary{.second = static_cast<uint8_t>(date.tm_sec),
                                       .minute = static_cast<uint8_t>(date.tm_min),
                                       .hour = static_cast<uint8_t>(date.tm_hour),
                                       .day = static_cast<uint8_t>(date.tm_mday),
                                       .month = static_cast<uint8_t>(date.tm_mon + 1),
                                       .year = static_cast<uint8_t>(year),
                                       .status_b = hours_24 | binary};
        const ClockRegisters as_digits{.second = bcd(date.tm_sec),
                                       .minute = bcd(date.tm_min),
                                       .hour = bcd(date.tm_hour),
                                       .day = bcd(date.tm_mday),
                                       .month = bcd(date.tm_mon + 1),
                                       .year = bcd(year),
                                       .status_b = hours_24};
        const auto first = seconds_since_1970(as_binary);
        const auto second = seconds_since_1970(as_digits);
        ASSERT_TRUE(first.ok() && second.ok()) << seconds;
        ASSERT_EQ(first.value(), seconds);
        ASSERT_EQ(second.value(), seconds);
    }
}

TEST(RealTimeClock, TwelveHoursHaveNoZero) {
    const auto at = [](uint8_t hour) {
        return seconds_since_1970(
            {.second = 0, .minute = 0, .hour = hour, .day = 1, .month = 1, .year = 0x70, .status_b = 0});
    };
    EXPECT_EQ(at(0x12).value(), 0u);
    EXPECT_EQ(at(0x01).value(), 3600u);
    EXPECT_EQ(at(0x92).value(), 12 * 3600u);
    EXPECT_EQ(at(0x91).value(), 23 * 3600u);
    EXPECT_EQ(at(0x00).error(), Error::malformed);
    EXPECT_EQ(at(0x13).error(), Error::malformed);
}

TEST(RealTimeClock, RefusesWhatIsNoDate) {
    const ClockRegisters good{
        .second = 59, .minute = 59, .hour = 23, .day = 31, .month = 12, .year = 99, .status_b = hours_24 | binary};
    EXPECT_TRUE(seconds_since_1970(good).ok());
    for (uint8_t ClockRegisters::*field : {&ClockRegisters::second, &ClockRegisters::minute, &ClockRegisters::hour,
                                           &ClockRegisters::day, &ClockRegisters::month, &ClockRegisters::year}) {
        ClockRegisters bad = good;
        ++(bad.*field);
        EXPECT_EQ(seconds_since_1970(bad).error(), Error::malformed);
        bad.*field = 0xff;
        EXPECT_EQ(seconds_since_1970(bad).error(), Error::malformed);
    }
    ClockRegisters bad = good;
    bad.day = 0;
    EXPECT_EQ(seconds_since_1970(bad).error(), Error::malformed);
    bad = good;
    bad.month = 0;
    EXPECT_EQ(seconds_since_1970(bad).error(), Error::malformed);
}

}  // namespace
}  // namespace ringfold
