// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/early_frames.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "random_seed.hpp"

namespace ringfold {
namespace {

constexpr FrameRange range(uint64_t begin, uint64_t end) { return {MachineFrame{begin}, MachineFrame{end}}; }

std::set<uint64_t> frames_of(const EarlyFrames &frames) {
    std::set<uint64_t> all;
    for (const FrameRange &each : frames.free_ranges()) {
        EXPECT_LT(each.begin, each.end);
        for (MachineFrame frame = each.begin; frame < each.end; ++frame) {
            EXPECT_TRUE(all.insert(frame.raw()).second) << "frame " << frame.raw() << " is listed twice";
        }
    }
    return all;
}

TEST(EarlyFrames, HandsOutTheHighestFirst) {
    EarlyFrames frames;
    ASSERT_TRUE(frames.add(range(10, 20)).ok());
    ASSERT_TRUE(frames.add(range(100, 110)).ok());
    EXPECT_EQ(frames.allocate(FrameCount{1}).value(), MachineFrame{109});
    EXPECT_EQ(frames.allocate(FrameCount{4}, FrameCount{4}).value(), MachineFrame{104});
    EXPECT_EQ(frames.allocate(FrameCount{1}).value(), MachineFrame{108});
    EXPECT_EQ(frames.free_frames(), FrameCount{14});
    EXPECT_EQ(frames.allocate(FrameCount{11}).error(), Error::out_of_memory);
}

TEST(EarlyFrames, StaysBelowTheLimit) {
    EarlyFrames frames;
    ASSERT_TRUE(frames.add(range(10, 100)).ok());
    frames.set_limit(MachineFrame{50});
    EXPECT_EQ(frames.allocate(FrameCount{1}).value(), MachineFrame{49});
    frames.set_limit(MachineFrame{10});
    EXPECT_EQ(frames.allocate(FrameCount{1}).error(), Error::out_of_memory);
    frames.set_limit(MachineFrame{~uint64_t{0}});
    EXPECT_EQ(frames.allocate(FrameCount{1}).value(), MachineFrame{99});
}

TEST(EarlyFrames, MemoryThatIsListedTwiceIsThereOnce) {
    EarlyFrames frames;
    ASSERT_TRUE(frames.add(range(10, 20)).ok());
    ASSERT_TRUE(frames.add(range(30, 40)).ok());
    ASSERT_TRUE(frames.add(range(5, 50)).ok());
    EXPECT_EQ(frames_of(frames).size(), 45u);
}

// Against a set of frame numbers.
TEST(EarlyFrames, RandomOperationsAgreeWithASet) {
    std::mt19937_64 random{test::random_seed()};
    for (int round = 0; round < 300; ++round) {
        EarlyFrames frames;
        std::set<uint64_t> model;
        for (int step = 0; step < 40; ++step) {
            const uint64_t begin = random() % 200;
            const uint64_t end = begin + random() % 40;
            switch (random() % 3) {
                case 0:
                    ASSERT_TRUE(frames.add(range(begin, end)).ok());
                    for (uint64_t frame = begin; frame < end; ++frame) {
                        model.insert(frame);
                    }
                    break;
                case 1:
                    ASSERT_TRUE(frames.reserve(range(begin, end)).ok());
                    for (uint64_t frame = begin; frame < end; ++frame) {
                        model.erase(frame);
                    }
                    break;
                default: {
                    const uint64_t count = 1 + random() % 8;
                    const uint64_t alignment = uint64_t{1} << random() % 4;
                    const auto got = frames.allocate(FrameCount{count}, FrameCount{alignment});
                    if (!got.ok()) {
                        break;
                    }
                    ASSERT_EQ(got.value().raw() % alignment, 0u);
                    for (uint64_t frame = 0; frame < count; ++frame) {
                        ASSERT_EQ(model.erase(got.value().raw() + frame), 1u) << "a frame that was not free";
                    }
                }
            }
            ASSERT_EQ(frames_of(frames), model);
        }
    }
}

TEST(EarlyFrames, ARangeTooManyIsAnError) {
    EarlyFrames frames;
    for (uint64_t i = 0; i < EarlyFrames::max_ranges; ++i) {
        ASSERT_TRUE(frames.add(range(10 * i, 10 * i + 5)).ok());
    }
    EXPECT_EQ(frames.add(range(1'000'000, 1'000'001)).error(), Error::limit_reached);
    EXPECT_EQ(frames.reserve(range(2, 3)).error(), Error::limit_reached);  // would split one into two
    EXPECT_EQ(frames.free_frames(), FrameCount{5 * EarlyFrames::max_ranges});
}

TEST(EarlyFrames, WhatIsInUseIsNotCollected) {
    BootInformation information;
    const auto memory = [&](uint64_t begin, uint64_t end, MemoryType type) {
        ASSERT_TRUE(information.memory.append({MachineAddress{begin}, MachineAddress{end}, type}));
    };
    memory(0, 0x9fc00, MemoryType::available);
    memory(0x10'0000, 0x100'0800, MemoryType::available);   // ends within a frame
    memory(0x80'0000, 0x80'0001, MemoryType::acpi_tables);  // overlaps: reserved wins, as a whole frame
    ASSERT_TRUE(information.modules.append({MachineAddress{0x40'0123}, MachineAddress{0x40'2001}, {}}));
    EarlyFrames frames;
    ASSERT_TRUE(collect_early_frames(information, range(0x200, 0x300), frames).ok());
    const std::set<uint64_t> all = frames_of(frames);
    EXPECT_EQ(*all.begin(), 0x100u);  // nothing below 1 MiB
    EXPECT_EQ(*all.rbegin(), 0xfffu);
    for (uint64_t used : {0x200u, 0x2ffu, 0x400u, 0x401u, 0x402u, 0x800u}) {
        EXPECT_FALSE(all.contains(used)) << used;
    }
    for (uint64_t unused : {0x1ffu, 0x300u, 0x3ffu, 0x403u, 0x7ffu, 0x801u}) {
        EXPECT_TRUE(all.contains(unused)) << unused;
    }
}

}  // namespace
}  // namespace ringfold
