// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/held_turns.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

TEST(HeldTurns, EachDomainHasATurnBeforeACpuSleeps) {
    HeldTurns turns;
    EXPECT_TRUE(turns.try_another(turns.begin(), 3));
    EXPECT_TRUE(turns.try_another(turns.begin(), 3));
    EXPECT_FALSE(turns.try_another(turns.begin(), 3));
}

TEST(HeldTurns, TheyBeginAgainWhenACpuHasSlept) {
    HeldTurns turns;
    EXPECT_FALSE(turns.try_another(turns.begin(), 1));
    EXPECT_FALSE(turns.try_another(turns.begin(), 1));
    EXPECT_TRUE(turns.try_another(turns.begin(), 2));
}

TEST(HeldTurns, WhatIsFreedGivesEachDomainANewTurn) {
    HeldTurns turns;
    EXPECT_TRUE(turns.try_another(turns.begin(), 2));
    turns.freed_something();
    EXPECT_TRUE(turns.try_another(turns.begin(), 2));
    EXPECT_FALSE(turns.try_another(turns.begin(), 2));
}

// One CPU finds the only waiting domain held; meanwhile another CPU frees what holds it, finds the queue empty, and
// sleeps. The first must try again: nobody else will.
TEST(HeldTurns, WhatIsFreedDuringATurnIsNotMissed) {
    HeldTurns turns;
    const HeldTurns::Moment begun = turns.begin();
    turns.freed_something();
    EXPECT_TRUE(turns.try_another(begun, 1));
    EXPECT_FALSE(turns.try_another(turns.begin(), 1));
}

}  // namespace
}  // namespace ringfold
