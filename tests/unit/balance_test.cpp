// SPDX-License-Identifier: Apache-2.0
//
// Whom a CPU takes over from another one.
#include "hypervisor/sched/balance.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

constexpr CpuId taker{1};
constexpr auto anywhere = [](const ScheduleEntry &) { return true; };

// On CPU 0 a vCPU of domain `a` runs; one of `b`, with the better claim, and another one of `a` wait.
struct BalanceTest : testing::Test {
    BalanceTest() {
        running.virtual_time = VirtualTime{100'000'000};
        (void)queue.add(running, false, 0);
        EXPECT_EQ(queue.choose(RunQueue::Now::goes_on, 0), &running);
        other.virtual_time = VirtualTime{110'000'000};
        sibling.virtual_time = VirtualTime{120'000'000};
        (void)queue.add(other, false, 0);
        (void)queue.add(sibling, false, 0);
    }
    ~BalanceTest() override {
        queue.withdraw(other);
        queue.withdraw(sibling);
    }

    DomainSchedule a;
    DomainSchedule b;
    ScheduleEntry running{a, nullptr, CpuId{0}};
    ScheduleEntry sibling{a, nullptr, CpuId{0}};
    ScheduleEntry other{b, nullptr, CpuId{0}};
    RunQueue queue;
};

TEST_F(BalanceTest, IdleCpuTakesOneThatIsQueuedBehindItsOwnDomain) {
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), anywhere), &sibling);
}

TEST_F(BalanceTest, IdleCpuTakesTheBestClaimIfTheSiblingHadRatherStay) {
    sibling.preferred.set(CpuSet::of(CpuId{0}));
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), anywhere), &other);
}

TEST_F(BalanceTest, IdleCpuTakesWhoHadRatherStayBeforeItIdles) {
    sibling.preferred.set(CpuSet::of(CpuId{0}));
    other.preferred.set(CpuSet::of(CpuId{0}));
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), anywhere), &other);
}

TEST_F(BalanceTest, BusyCpuTakesTheBestClaimOnlyIfItIsBetterByTheMargin) {
    const VirtualTime own = other.virtual_time + policy::balance_margin;
    EXPECT_EQ(find_to_take(queue, taker, own, anywhere), nullptr);
    EXPECT_EQ(find_to_take(queue, taker, own + VirtualDuration{1}, anywhere), &other);
}

TEST_F(BalanceTest, WhoMayNotRunThereOrStillHasRegistersHereStays) {
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), [](const ScheduleEntry &) { return false; }), nullptr);
    sibling.on_cpu = true;
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), anywhere), &other);
    other.on_cpu = true;
    EXPECT_EQ(find_to_take(queue, taker, VirtualTime::never(), anywhere), nullptr);
}

}  // namespace
}  // namespace ringfold
