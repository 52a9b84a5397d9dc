// SPDX-License-Identifier: Apache-2.0
//
// A domain that stands still: its vCPUs are parked when their turn comes, and nothing but the end of it brings them
// back.
#include "hypervisor/sched/run_queue.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

constexpr uint64_t millisecond = 1'000'000;

struct StandstillTest : testing::Test {
    void make_ready(ScheduleEntry &entry, uint64_t now) {
        entry.state = VcpuState::runnable;
        (void)queue.add(entry, true, now);
    }

    DomainSchedule paused;
    DomainSchedule other;
    ScheduleEntry first{paused, nullptr, CpuId{0}};
    ScheduleEntry second{other, nullptr, CpuId{0}};
    RunQueue queue;
};

TEST_F(StandstillTest, OneThatWaitsIsNotChosen) {
    make_ready(first, 0);
    ASSERT_TRUE(paused.standstill.begin());
    EXPECT_EQ(queue.choose(RunQueue::Now::leaves, 0), nullptr);
    EXPECT_TRUE(first.parked);
    EXPECT_EQ(queue.arm(), UINT64_MAX);  // no timer brings it back
    make_ready(second, 0);
    EXPECT_EQ(queue.choose(RunQueue::Now::leaves, 0), &second);
}

TEST_F(StandstillTest, OneThatRunsGivesWayAtOnce) {
    make_ready(first, 0);
    ASSERT_EQ(queue.choose(RunQueue::Now::leaves, 0), &first);
    make_ready(second, 0);
    ASSERT_TRUE(paused.standstill.begin());
    EXPECT_EQ(queue.choose(RunQueue::Now::goes_on, 1), &second);
    EXPECT_TRUE(first.parked);
}

TEST_F(StandstillTest, OneThatIsPreferredIsNotChosenEither) {
    make_ready(first, 0);
    queue.prefer(first);
    ASSERT_TRUE(paused.standstill.begin());
    EXPECT_EQ(queue.choose(RunQueue::Now::leaves, 0), nullptr);
}

TEST_F(StandstillTest, ItGoesOnWhereItWas) {
    make_ready(first, 0);
    ASSERT_TRUE(paused.standstill.begin());
    ASSERT_EQ(queue.choose(RunQueue::Now::leaves, 0), nullptr);
    paused.standstill.end();
    queue.withdraw(first);
    EXPECT_FALSE(first.parked);
    make_ready(first, millisecond);
    EXPECT_EQ(queue.choose(RunQueue::Now::leaves, millisecond), &first);
}

TEST_F(StandstillTest, CapAndStandstillTogether) {
    paused.bandwidth.set_cap(10);
    make_ready(first, 0);
    ASSERT_EQ(queue.choose(RunQueue::Now::leaves, 0), &first);
    ASSERT_TRUE(paused.standstill.begin());
    EXPECT_EQ(queue.choose(RunQueue::Now::goes_on, 100 * millisecond), nullptr);
    EXPECT_EQ(queue.arm(), UINT64_MAX);
    paused.standstill.end();
    queue.withdraw(first);
    make_ready(first, 101 * millisecond);
    EXPECT_EQ(queue.choose(RunQueue::Now::leaves, 101 * millisecond), nullptr);  // its cap is still exhausted
    EXPECT_LT(queue.arm(), UINT64_MAX);
}

TEST(Standstill, IsNothingForOneThatEnds) {
    Standstill standstill;
    ASSERT_TRUE(standstill.begin());
    EXPECT_TRUE(standstill.begin());
    standstill.forbid();
    EXPECT_FALSE(standstill.is_on());
    EXPECT_FALSE(standstill.begin());
    standstill.end();
    EXPECT_FALSE(standstill.begin());
}

}  // namespace
}  // namespace ringfold
