// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/physical_table.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace ringfold::tools {
namespace {

constexpr uint64_t flags = RINGFOLD_ENTRY_PRESENT | RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_NO_EXECUTE;
constexpr uint64_t all_but_frame = ~RINGFOLD_ENTRY_FRAME_MASK & ~RINGFOLD_ENTRY_BIG;
constexpr uint64_t leaf = flags | RINGFOLD_ENTRY_BIG;

uint64_t entry(uint64_t frame, uint64_t bits = flags) { return frame << page_shift | bits; }

// Pseudo-physical frames 0..1023 are machine frames 0x10200.., 2048 and 2049 two of nowhere, the others there are not.
class PhysicalTable : public testing::Test {
  protected:
    PhysicalTable() : frames(2050, RINGFOLD_NO_FRAME) {
        std::iota(frames.begin(), frames.begin() + 1024, uint64_t{0x1'0200});
        frames[2048] = 0x77;
        frames[2049] = 0x9'0000'0000;
    }

    uint64_t translated(uint64_t word, Level level = Level::l1) {
        const PhysicalIndex index(frames);
        std::array<uint64_t, table_entries> table{};
        table.fill(word);
        make_physical(table, level, index);
        EXPECT_TRUE(std::ranges::all_of(table, [&](uint64_t each) { return each == table[0]; }));
        return table[0];
    }

    std::vector<uint64_t> frames;
};

TEST_F(PhysicalTable, PresentEntriesNamePseudoPhysicalFramesAndKeepTheirFlags) {
    for (const Level level : {Level::l1, Level::l2, Level::l3, Level::l4}) {
        EXPECT_EQ(translated(entry(0x1'0200), level), entry(0));
        EXPECT_EQ(translated(entry(0x1'05ff), level), entry(1023));
        EXPECT_EQ(translated(entry(0x77), level), entry(2048));
        EXPECT_EQ(translated(entry(0x9'0000'0000), level), entry(2049));
        EXPECT_EQ(translated(entry(0x1'0203, all_but_frame), level), entry(3, all_but_frame));
    }
    EXPECT_EQ(translated(entry(0x1'0203, leaf)), entry(3, leaf));  // of an L1 entry the bit is PAT
}

TEST_F(PhysicalTable, WhatLeadsOutOfTheGuestIsNotPresent) {
    for (const Level level : {Level::l1, Level::l2, Level::l3, Level::l4}) {
        for (const uint64_t frame : {uint64_t{0}, uint64_t{1}, uint64_t{0x1'01ff}, uint64_t{0x1'0600}, uint64_t{0x78},
                                     (uint64_t{1} << 40) - 1}) {
            EXPECT_EQ(translated(entry(frame), level), 0U) << frame;
        }
    }
}

TEST_F(PhysicalTable, WhatIsNotPresentStays) {
    for (const Level level : {Level::l1, Level::l2, Level::l3, Level::l4}) {
        for (const uint64_t word :
             {uint64_t{0}, ~uint64_t{RINGFOLD_ENTRY_PRESENT}, entry(0x1'0200, 0), entry(0x1'0200, RINGFOLD_ENTRY_BIG),
              uint64_t{0x100}, uint64_t{0x7fff'ffff'ffff'f102}}) {
            EXPECT_EQ(translated(word, level), word);
        }
    }
}

TEST_F(PhysicalTable, BigPagesMustBeBigToTheGuest) {
    EXPECT_EQ(translated(entry(0x1'0200, leaf), Level::l2), entry(0, leaf));
    EXPECT_EQ(translated(entry(0x1'0400, leaf), Level::l2), entry(512, leaf));
    EXPECT_EQ(translated(entry(0x1'0200, leaf | 1 << 12), Level::l2), 0U);  // bit 12 is no bit of its frame
    EXPECT_EQ(translated(entry(0x1'0000, leaf), Level::l2), 0U);            // another's
    frames[0x105] = 0x6'0000;                                               // one of its pages lies somewhere else
    EXPECT_EQ(translated(entry(0x1'0200, leaf), Level::l2), 0U);
    EXPECT_EQ(translated(entry(0x1'0400, leaf), Level::l2), entry(512, leaf));
    frames.resize(1023);  // it goes on behind the end of all frames
    EXPECT_EQ(translated(entry(0x1'0400, leaf), Level::l2), 0U);
    std::iota(frames.begin(), frames.end(), uint64_t{0x1'01ff});  // an extent of the machine's, but none of the guest's
    EXPECT_EQ(translated(entry(0x1'0200, leaf), Level::l2), 0U);
}

TEST_F(PhysicalTable, NoGuestHasLargerPages) {
    EXPECT_EQ(translated(entry(0x1'0200, leaf), Level::l3), 0U);
    EXPECT_EQ(translated(entry(0x1'0200, leaf), Level::l4), 0U);
}

// What a guest writes into its map is its own affair.
TEST_F(PhysicalTable, AMapWithoutSense) {
    frames.assign(600, 0x55);
    EXPECT_EQ(translated(entry(0x55)), entry(599));
    EXPECT_EQ(translated(entry(0x55, leaf), Level::l2), 0U);
    frames.assign(600, RINGFOLD_NO_FRAME);
    EXPECT_EQ(translated(entry(RINGFOLD_NO_FRAME & (RINGFOLD_ENTRY_FRAME_MASK >> page_shift))), 0U);
    frames.clear();
    EXPECT_EQ(translated(entry(0)), 0U);
    EXPECT_EQ(translated(entry(0, leaf), Level::l2), 0U);
}

}  // namespace
}  // namespace ringfold::tools
