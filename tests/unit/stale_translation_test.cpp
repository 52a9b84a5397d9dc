// SPDX-License-Identifier: Apache-2.0
//
// A translation that a processor still holds after its entry is gone must be gone too before the frame is used for
// something that it would break, and not sooner: one test for each way.
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/validate.hpp"
#include "tests/unit/memory_world.hpp"

namespace ringfold::test {
namespace {

constexpr MachineFrame l4{MemoryWorld::a_mixed.raw() + 0};
constexpr MachineFrame l3{MemoryWorld::a_mixed.raw() + 1};
constexpr MachineFrame l2{MemoryWorld::a_mixed.raw() + 2};
constexpr MachineFrame l1{MemoryWorld::a_mixed.raw() + 3};
constexpr MachineFrame data{MemoryWorld::a_first.raw() + 16};
constexpr MachineFrame other_l1{MemoryWorld::a_first.raw() + 17};

// Processors 0 and 1 run on an L4 of the domain; all its tables but `other_l1` lie in the extent that can never be big.
class StaleTranslation : public ::testing::Test {
  protected:
    StaleTranslation() {
        MemoryWorld::words(l4)[0] = MemoryWorld::entry(l3, present | writable | user);
        MemoryWorld::words(l3)[0] = MemoryWorld::entry(l2, present | writable | user);
        MemoryWorld::words(l2)[0] = MemoryWorld::entry(l1, present | writable | user);
        EXPECT_TRUE(world.load(world.a(), l4).ok());
        for (SimulatedCpu &cpu : world.machine.cpus()) {
            cpu.load_root(world.a(), l4);
        }
    }
    ~StaleTranslation() override {
        EXPECT_EQ(world.audit_findings(), 0U);
        for (SimulatedCpu &cpu : world.machine.cpus()) {
            cpu.leave_root();
        }
    }

    // Until everything that can be cached is.
    void walk_everywhere() {
        for (SimulatedCpu &cpu : world.machine.cpus()) {
            for (int walks = 0; walks < 64; ++walks) {
                cpu.walk(random);
            }
        }
    }
    // `use` makes the stale translations dangerous: it must flush both processors.
    void expect_flush(const char *what, const std::function<bool()> &use) {
        EXPECT_EQ(world.machine.check_caches(), "") << "before: " << what;
        const uint64_t before = world.machine.flushes;
        EXPECT_TRUE(use()) << what;
        EXPECT_EQ(world.machine.flushes, before + 1) << what;
        EXPECT_EQ(world.machine.check_caches(), "") << what;
    }
    void expect_no_flush(const char *what, const std::function<bool()> &use) {
        const uint64_t before = world.machine.flushes;
        EXPECT_TRUE(use()) << what;
        EXPECT_EQ(world.machine.flushes, before) << what;
        EXPECT_EQ(world.machine.check_caches(), "") << what;
    }
    bool map(uint64_t value) { return world.set(world.a(), l1, 0, value).ok(); }
    bool map_big(uint64_t value) { return world.set(world.a(), l2, 1, value).ok(); }

    MemoryWorld world;
    Random random{1};
};

TEST_F(StaleTranslation, WritableFrameBecomesATable) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present | writable)));
    walk_everywhere();
    ASSERT_TRUE(map(0));
    expect_flush("pin", [&] { return world.pin(world.a(), data, 1).ok(); });
}

TEST_F(StaleTranslation, WritableFrameBecomesReadOnlyAndATable) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present | writable)));
    walk_everywhere();
    ASSERT_TRUE(world.run(world.a(), l1, 0, 512, 0, writable).ok());
    expect_flush("pin", [&] { return world.pin(world.a(), data, 1).ok(); });
}

TEST_F(StaleTranslation, MappedFrameIsReleased) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present)));
    walk_everywhere();
    ASSERT_TRUE(map(0));
    expect_flush("release", [&] { return release_frame(world.a(), data).ok(); });
}

TEST_F(StaleTranslation, TableBecomesWritable) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("map writable", [&] { return map(MemoryWorld::entry(other_l1, present | writable)); });
}

TEST_F(StaleTranslation, TableBecomesWritableByItsFlags) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    ASSERT_TRUE(map(MemoryWorld::entry(other_l1, present)));
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("flags", [&] { return world.run(world.a(), l1, 0, 8, writable, writable).ok(); });
}

TEST_F(StaleTranslation, TableIsHeldWritable) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("hold", [&] { return hold_writable(world.a(), other_l1).ok(); });
}

TEST_F(StaleTranslation, TableBecomesATableOfAnotherLevel) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("pin as L2", [&] { return world.pin(world.a(), other_l1, 2).ok(); });
}

TEST_F(StaleTranslation, TableIsReleased) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("release", [&] { return release_frame(world.a(), other_l1).ok(); });
}

TEST_F(StaleTranslation, BigWritableExtentGetsATable) {
    ASSERT_TRUE(map_big(MemoryWorld::entry(MemoryWorld::a_whole, present | writable | big)));
    walk_everywhere();
    ASSERT_TRUE(map_big(0));
    expect_flush("pin", [&] { return world.pin(world.a(), MemoryWorld::a_whole + FrameCount{77}, 1).ok(); });
}

TEST_F(StaleTranslation, BigExtentLosesAFrame) {
    ASSERT_TRUE(map_big(MemoryWorld::entry(MemoryWorld::a_whole, present | big)));
    walk_everywhere();
    ASSERT_TRUE(map_big(0));
    expect_flush("release", [&] { return release_frame(world.a(), MemoryWorld::a_whole + FrameCount{77}).ok(); });
}

TEST_F(StaleTranslation, ExtentOfATableIsMappedBigAndWritable) {
    ASSERT_TRUE(world.set(world.a(), l2, 2, MemoryWorld::entry(other_l1, present)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(world.a(), l2, 2, 0).ok());
    expect_flush("map big",
                 [&] { return map_big(MemoryWorld::entry(MemoryWorld::a_first, present | writable | big)); });
}

// The copies of an L4 that processors run on: the old entry's tables must be out of reach before they are dropped.
TEST_F(StaleTranslation, RootEntriesReachTheCopies) {
    const uint64_t generation = frame_table::at(l4).generation();
    ASSERT_TRUE(world.set(world.a(), l4, 0, 0).ok());
    EXPECT_NE(frame_table::at(l4).generation(), generation);
    ASSERT_TRUE(map(0) == false) << "the tables are no tables any more";
    for (SimulatedCpu &cpu : world.machine.cpus()) {
        cpu.flush();
    }
    walk_everywhere();
    expect_no_flush("nothing of it was walked since", [&] { return release_frame(world.a(), l3).ok(); });
}

TEST_F(StaleTranslation, RootGenerationsAreNeverReused) {
    const uint64_t first = frame_table::at(l4).generation();
    for (SimulatedCpu &cpu : world.machine.cpus()) {
        cpu.leave_root();
    }
    world.root = TypeReference{};
    ASSERT_TRUE(world.load(world.a(), l4).ok());
    EXPECT_GT(frame_table::at(l4).generation(), first);
}

// --- what needs no flush ---
TEST_F(StaleTranslation, TheClockSparesProcessorsThatFlushed) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present | writable)));
    walk_everywhere();
    ASSERT_TRUE(map(0));
    for (SimulatedCpu &cpu : world.machine.cpus()) {
        cpu.flush();
    }
    expect_no_flush("pin", [&] { return world.pin(world.a(), data, 1).ok(); });
}

TEST_F(StaleTranslation, AFlushBeforeTheRemovalDoesNotCount) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present | writable)));
    for (SimulatedCpu &cpu : world.machine.cpus()) {
        cpu.flush();
    }
    walk_everywhere();
    ASSERT_TRUE(map(0));
    expect_flush("pin", [&] { return world.pin(world.a(), data, 1).ok(); });
}

TEST_F(StaleTranslation, RemappingNeedsNone) {
    ASSERT_TRUE(map(MemoryWorld::entry(data, present | writable)));
    walk_everywhere();
    expect_no_flush("unmap", [&] { return map(0); });
    expect_no_flush("map again", [&] { return map(MemoryWorld::entry(data, present | writable)); });
    expect_no_flush("read-only", [&] { return map(MemoryWorld::entry(data, present)); });
}

TEST_F(StaleTranslation, AnotherDomainsProcessorsAreNotAsked) {
    MemoryWorld::words(MemoryWorld::b_first)[0] = 0;
    EXPECT_TRUE(release_frame(world.b(), MemoryWorld::b_first).ok());
    EXPECT_TRUE(world.b().cpus().empty());
    EXPECT_EQ(world.machine.flushes, 0U);
}

// --- the clock itself ---
TEST(FlushClock, NeedsAFlushThatBeganAfterTheStamp) {
    constexpr CpuId cpu{60};
    constexpr CpuSet set = CpuSet::of(cpu);
    EXPECT_TRUE(flush_clock::needing_flush(FlushMoment{}, set).empty()) << "what was never exposed";
    const FlushMoment early = flush_clock::begin_full_flush();
    const FlushMoment stamp = flush_clock::now();  // removed while the flush was under way
    flush_clock::full_flush_done(cpu, early);
    EXPECT_EQ(flush_clock::needing_flush(stamp, set), set);
    flush_clock::full_flush_done(cpu, flush_clock::begin_full_flush());
    EXPECT_TRUE(flush_clock::needing_flush(stamp, set).empty());
    EXPECT_EQ(flush_clock::needing_flush(flush_clock::now(), set), set);
}

TEST(FlushClock, StampsOnlyAdvance) {
    FlushStamp stamp;
    stamp.advance(FlushMoment{7});
    stamp.advance(FlushMoment{5});
    EXPECT_EQ(stamp.get(), FlushMoment{7});
    stamp.clear();
    EXPECT_EQ(stamp.get(), FlushMoment{});
}

}  // namespace
}  // namespace ringfold::test
