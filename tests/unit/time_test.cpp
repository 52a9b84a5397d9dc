// SPDX-License-Identifier: Apache-2.0
//
// Clock arithmetic against exact 128-bit arithmetic, and calibration against made-up counters.
#include "hypervisor/cpu/tsc_offset.hpp"
#include "hypervisor/platform/calibration.hpp"
#include "hypervisor/platform/cpuid_frequency.hpp"
#include "hypervisor/platform/system_clock.hpp"

#include <gtest/gtest.h>
#include <random>

namespace ringfold {
namespace {

uint64_t exact(uint64_t ticks, uint64_t from, uint64_t to) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * to / from);
}

class RatioTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RatioTest, IsWithinOnePartInTwoToThe31) {
    const uint64_t frequency = GetParam();
    auto clock = SystemClock::starting(0, 0, frequency);
    ASSERT_TRUE(clock.ok());
    EXPECT_TRUE(clock.value().scale().multiplier & 0x8000'0000u);
    for (uint64_t seconds : {1ull, 60ull, 86'400ull, 31'536'000ull}) {
        const uint64_t ticks = seconds * frequency;
        const uint64_t nanoseconds = clock.value().nanoseconds_at(ticks);
        const uint64_t expected = exact(ticks, frequency, nanoseconds_per_second);
        EXPECT_LE(nanoseconds, expected);
        EXPECT_LE(expected - nanoseconds, (expected >> 31) + 2) << seconds << " s at " << frequency;
        const uint64_t back = clock.value().tsc_at(seconds * nanoseconds_per_second);
        const uint64_t error = back > ticks ? back - ticks : ticks - back;
        EXPECT_LE(error, (ticks >> 31) + (frequency / nanoseconds_per_second) + 2);
    }
}

INSTANTIATE_TEST_SUITE_P(Frequencies, RatioTest,
                         testing::Values(10'000'000, 999'999'999, 1'000'000'000, 1'000'000'001, 2'399'998'123,
                                         4'200'000'000, 6'000'000'000));

TEST(FrequencyRatio, RefusesWhatCannotBeARate) {
    EXPECT_EQ(FrequencyRatio::between(0, 1).error(), Error::out_of_range);
    EXPECT_EQ(FrequencyRatio::between(1, 0).error(), Error::out_of_range);
    EXPECT_EQ(FrequencyRatio::between(uint64_t{1} << 41, 1'000'000'000).error(), Error::out_of_range);
    EXPECT_EQ(FrequencyRatio::between(1, uint64_t{1} << 40).error(), Error::out_of_range);
    EXPECT_TRUE(FrequencyRatio::between(1'000, 1'000'000'000).ok());
}

TEST(FrequencyRatio, IsMonotonic) {
    auto ratio = FrequencyRatio::between(2'399'998'123, nanoseconds_per_second);
    ASSERT_TRUE(ratio.ok());
    std::mt19937_64 random{1};
    for (int i = 0; i < 10'000; ++i) {
        const uint64_t ticks = random() >> 2;
        EXPECT_LE(ratio.value().apply(ticks), ratio.value().apply(ticks + 1 + random() % 1000));
    }
}

TEST(SystemClock, StartsWhereItIsToldAndNeverRunsBackwards) {
    auto result = SystemClock::starting(5'000, 77, 1'000'000'000);
    ASSERT_TRUE(result.ok());
    const SystemClock &clock = result.value();
    EXPECT_EQ(clock.nanoseconds_at(5'000), 77u);
    EXPECT_EQ(clock.nanoseconds_at(4'000), 77u) << "a count of the past";
    EXPECT_NEAR(static_cast<double>(clock.nanoseconds_at(6'000)), 1'077.0, 1.0);
    EXPECT_EQ(clock.tsc_at(77), 5'000u);
    EXPECT_EQ(clock.tsc_at(0), 5'000u);
    EXPECT_GT(clock.tsc_at(~uint64_t{0}), uint64_t{1} << 57) << "a deadline beyond all reach must not wrap";
}

TEST(SystemClock, DeadlineIsReachedAtItsCount) {
    for (const uint64_t frequency : {1'000'000'000ull, 2'399'998'123ull, 3'700'000'001ull}) {
        auto result = SystemClock::starting(123, 0, frequency);
        ASSERT_TRUE(result.ok());
        for (uint64_t deadline = 1; deadline < 1'000'000'000; deadline = deadline * 3 + 1) {
            EXPECT_GE(result.value().nanoseconds_at(result.value().tsc_at(deadline)) + 1, deadline);
        }
    }
}

TEST(SystemClock, FollowsACounterThatIsAheadOrBehind) {
    auto result = SystemClock::starting(10'000, 50, 1'000'000'000);
    ASSERT_TRUE(result.ok());
    const SystemClock &clock = result.value();
    for (const int64_t ahead : {-4'000, 0, 123'456}) {
        const auto shift = static_cast<uint64_t>(ahead);
        EXPECT_EQ(clock.shifted(ahead).nanoseconds_at(12'345 + shift), clock.nanoseconds_at(12'345));
        EXPECT_EQ(clock.shifted(ahead).tsc_at(999), clock.tsc_at(999) + shift);
    }
}

TEST(CpuidFrequency, FollowsTheManual) {
    EXPECT_EQ(cpuid_tsc_frequency({.denominator = 2, .numerator = 216, .crystal_hz = 24'000'000}, 0), 2'592'000'000u);
    EXPECT_EQ(cpuid_tsc_frequency({.denominator = 2, .numerator = 216, .crystal_hz = 0}, 2'600), 2'600'000'000u);
    EXPECT_EQ(cpuid_tsc_frequency({.denominator = 2, .numerator = 216, .crystal_hz = 0}, 0), std::nullopt);
    EXPECT_EQ(cpuid_tsc_frequency({}, 2'600), std::nullopt);
    EXPECT_FALSE(frequencies_disagree(1'000'000'000, 1'009'000'000));
    EXPECT_TRUE(frequencies_disagree(1'000'000'000, 1'020'000'000));
    EXPECT_TRUE(frequencies_disagree(1'020'000'000, 1'000'000'000));
}

TEST(TscOffset, SlowExchangesDoNotCount) {
    TscOffset offset;
    offset.add({.sent = 1'000, .remote = 900'000, .received = 1'000'000});
    offset.add({.sent = 2'000, .remote = 2'040, .received = 2'100});
    offset.add({.sent = 5'000, .remote = 5'001, .received = 9'000});
    EXPECT_EQ(offset.ahead(), -10);
    EXPECT_EQ(offset.uncertainty(), 51u);
    EXPECT_TRUE(offset.in_step());
}

TEST(TscOffset, DifferenceBeyondTheUncertaintyIsTold) {
    TscOffset ahead;
    ahead.add({.sent = 1'000, .remote = 1'200, .received = 1'100});
    EXPECT_FALSE(ahead.in_step());
    EXPECT_EQ(ahead.ahead(), 150);
    TscOffset behind;
    behind.add({.sent = 1'000'000, .remote = 5, .received = 1'000'100});
    EXPECT_FALSE(behind.in_step());
    EXPECT_EQ(behind.ahead(), -1'000'045);
}

// A world where reading a counter takes time, sometimes a lot of it.
struct World {
    explicit World(uint64_t seed) : random(seed) {}
    void pass() { picoseconds += 400'000 + (random() % 200 == 0 ? 3'000'000'000 : random() % 100'000); }
    uint64_t picoseconds = 0;
    std::mt19937_64 random;
};

struct FakeTsc {
    World &world;
    uint64_t kilohertz;
    uint64_t read() {
        world.pass();
        return static_cast<uint64_t>(static_cast<unsigned __int128>(world.picoseconds) * kilohertz / 1'000'000'000);
    }
};

// Runs at 10 MHz, 24 bits wide.
struct FakeReference {
    World &world;
    bool running = true;
    uint64_t read() {
        world.pass();
        return running ? (world.picoseconds / 100'000 + 0xff'fff0) & mask() : 5;
    }
    static uint64_t mask() { return 0xff'ffff; }
    static uint64_t nanoseconds(uint64_t ticks) { return ticks * 100; }
};

TEST(Calibration, FindsTheFrequencyInSpiteOfPausesAndWrapping) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        World world{seed};
        FakeTsc tsc{world, 2'400'000};
        FakeReference reference{world};
        auto frequency = Calibration{tsc, reference}.frequency();
        ASSERT_TRUE(frequency.ok());
        EXPECT_NEAR(static_cast<double>(frequency.value()), 2.4e9, 2.4e9 / 2'000) << "seed " << seed;
    }
}

TEST(Calibration, DeadReferenceIsAnErrorAndNotAHang) {
    World world{1};
    FakeTsc tsc{world, 2'400'000};
    FakeReference reference{world, false};
    auto frequency = Calibration{tsc, reference, {.nanoseconds = 10'000'000, .patience = 100'000'000}}.frequency();
    ASSERT_FALSE(frequency.ok());
    EXPECT_EQ(frequency.error(), Error::device);
}

TEST(Calibration, StoppedCounterIsAnError) {
    World world{1};
    FakeTsc tsc{world, 0};
    FakeReference reference{world};
    auto frequency = Calibration{tsc, reference}.frequency();
    ASSERT_FALSE(frequency.ok());
    EXPECT_EQ(frequency.error(), Error::device);
}

}  // namespace
}  // namespace ringfold
