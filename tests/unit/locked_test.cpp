// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/locked.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace ringfold {
namespace {

using Low = Locked<int, LockRank::page_tables>;
using High = Locked<int, LockRank::log>;

TEST(HeldLocks, OnlyHigherRanksMayBeTaken) {
    HeldLocks held;
    EXPECT_TRUE(held.may_take(LockRank::page_tables));
    held.took(LockRank::frame_allocator);
    EXPECT_TRUE(held.holds(LockRank::frame_allocator));
    EXPECT_FALSE(held.may_take(LockRank::page_tables));
    EXPECT_FALSE(held.may_take(LockRank::frame_allocator));
    EXPECT_FALSE(held.may_take(LockRank::hypervisor_map));
    EXPECT_TRUE(held.may_take(LockRank::log));
    held.released(LockRank::frame_allocator);
    EXPECT_TRUE(held.none());
    held.took(LockRank::page_tables);  // below bit 64: the other word
    EXPECT_TRUE(held.may_take(LockRank::domain_memory));
    EXPECT_TRUE(held.may_take(LockRank::log));
    EXPECT_FALSE(held.may_take(LockRank::page_tables));
}

TEST(Locked, TheGuardGivesTheLockBackOnce) {
    Low low{3};
    {
        auto guard = low.lock();
        *guard = 4;
        auto moved = std::move(guard);
        EXPECT_EQ(*moved, 4);
        EXPECT_TRUE(held_locks().holds(LockRank::page_tables));
    }
    EXPECT_TRUE(held_locks().none());
    EXPECT_EQ(*low.lock(), 4);
}

TEST(Locked, TryLockFailsWhileAnotherThreadHoldsIt) {
    Low low{1};
    auto guard = low.lock();
    bool got = true;
    std::thread([&] { got = low.try_lock().has_value(); }).join();
    EXPECT_FALSE(got);
}

TEST(Locked, TryLockTakesAFreeLock) {
    Low low{1};
    {
        const auto guard = low.try_lock();
        ASSERT_TRUE(guard.has_value());
        EXPECT_TRUE(held_locks().holds(LockRank::page_tables));
    }
    EXPECT_TRUE(held_locks().none());
}

TEST(LockedDeath, TakingALowerRankEndsTheMachine) {
    Low low{1};
    High high{2};
    const auto guard = high.lock();
    EXPECT_DEATH((void)low.lock(), "out of order");
}

TEST(LockedDeath, TakingTheSameRankTwiceEndsTheMachine) {
    Low one{1};
    Low two{2};
    const auto guard = one.lock();
    EXPECT_DEATH((void)two.lock(), "out of order");
}

TEST(Locked, IncrementsOfManyThreadsAddUp) {
    Low counter{0};
    constexpr int threads = 2;
    constexpr int rounds = 300;
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) {
        workers.emplace_back([&counter] {
            for (int round = 0; round < rounds; ++round) {
                auto guard = counter.lock();
                const int seen = *guard;
                if (round % 64 == 0) {
                    std::this_thread::yield();  // with the lock held
                }
                *guard = seen + 1;
            }
        });
    }
    for (std::thread &worker : workers) {
        worker.join();
    }
    EXPECT_EQ(*counter.lock(), threads * rounds);
}

}  // namespace
}  // namespace ringfold
