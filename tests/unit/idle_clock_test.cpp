// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/idle_clock.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace ringfold {
namespace {

uint64_t idled_until(const IdleClock &clock, uint64_t time) {
    return clock.idled([time] { return time; });
}

TEST(IdleClock, AddsUpWhatIsIdle) {
    IdleClock clock;
    EXPECT_EQ(idled_until(clock, 100), 0u);
    clock.begin(100);
    EXPECT_EQ(idled_until(clock, 100), 0u);
    EXPECT_EQ(idled_until(clock, 130), 30u);
    clock.end(150);
    EXPECT_EQ(idled_until(clock, 1000), 50u);
    clock.begin(1000);
    EXPECT_EQ(idled_until(clock, 1007), 57u);
    clock.end(1010);
    EXPECT_EQ(idled_until(clock, 5000), 60u);
}

TEST(IdleClock, IdleFromTheFirstNanosecond) {
    IdleClock clock;
    clock.begin(0);
    EXPECT_EQ(idled_until(clock, 5), 5u);
    clock.end(7);
    EXPECT_EQ(idled_until(clock, 9), 7u);
}

// The clock of the CPU that reads is behind that of the one that idles.
TEST(IdleClock, AReaderThatIsBehindSeesNoTimeOfTheFuture) {
    IdleClock clock;
    clock.begin(100);
    EXPECT_EQ(idled_until(clock, 90), 0u);
    clock.end(100);
    EXPECT_EQ(idled_until(clock, 90), 0u);
}

// The CPU wakes up, or falls asleep, between the reader's look at the clock and its look at the time.
TEST(IdleClock, AReaderNeverSeesHalfOfAChange) {
    IdleClock clock;
    clock.begin(100);
    unsigned asked = 0;
    EXPECT_EQ(clock.idled([&] {
        if (asked++ == 0) {
            clock.end(150);
        }
        return uint64_t{200};
    }),
              50u);
    EXPECT_EQ(asked, 2u);
    EXPECT_EQ(clock.idled([&] {
        if (asked++ == 2) {
            clock.begin(300);
        }
        return uint64_t{310};
    }),
              60u);
    EXPECT_EQ(asked, 4u);
}

}  // namespace
}  // namespace ringfold
