// SPDX-License-Identifier: Apache-2.0
//
// What a back end says of a disk (split-drivers/block_offer.c): what is refused, with which words, and what the front
// end takes up of the rest.
#include "split-drivers/block_offer.h"
#include "split-drivers/block_ring.h"
#include "tests/unit/offer_world.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace {

constexpr uint32_t all_features =
    RINGFOLD_BLOCK_READ_ONLY | RINGFOLD_BLOCK_FLUSH | RINGFOLD_BLOCK_DISCARD | RINGFOLD_BLOCK_WRITE_ZEROES;

struct BlockOffer : OfferWorld<ringfold_block_offer, block_traits, block_offer_read> {
    BlockOffer() {
        offer().sectors = 2048;
        offer().logical_block = 512;
        offer().physical_block = 4096;
        offer().pages_limit = 64;
        offer().discard_limit = 1U << 21;
        offer().discard_granularity = 4096;
        offer().write_zeroes_limit = 1U << 16;
        page.features = all_features;
    }
};

TEST_F(BlockOffer, IsTakenUpAsItIs) {
    offer().rotational = 7;
    expect_right();
    EXPECT_EQ(traits.sectors, 2048U);
    EXPECT_EQ(traits.features, all_features);
    EXPECT_EQ(traits.logical_block, 512U);
    EXPECT_EQ(traits.physical_block, 4096U);
    EXPECT_EQ(traits.request_pages, 64U);
    EXPECT_EQ(traits.discard_granularity, 4096U);
    EXPECT_EQ(traits.discard_limit, 1U << 21);
    EXPECT_EQ(traits.write_zeroes_limit, 1U << 16);
    EXPECT_TRUE(traits.rotational);
}

TEST_F(BlockOffer, HasBlocksThatAPageHolds) {
    for (const uint32_t block : {0U, 1U, 256U, 511U, 513U, 1536U, 4095U, 8192U, 0x80000000U, ~0U}) {
        offer().logical_block = block;
        expect_wrong("logical_block", block);
    }
    for (const uint32_t block : {512U, 1024U, 2048U, 4096U}) {
        offer().logical_block = block;
        expect_right();
        EXPECT_EQ(traits.logical_block, block);
    }
}

// Linux keeps sizes in bytes, in signed numbers.
TEST_F(BlockOffer, HasASizeInBytes) {
    for (const uint64_t sectors :
         {uint64_t{BLOCK_SECTORS_MOST} + 1, uint64_t{1} << 54, uint64_t{1} << 55, uint64_t{1} << 63, ~uint64_t{0}}) {
        offer().sectors = sectors;
        expect_wrong("sectors", sectors);
        uint64_t size = 7;
        EXPECT_FALSE(block_offer_read_size(&page, &traits, &size, &fault));
        EXPECT_EQ(fault.value, sectors);
        EXPECT_EQ(size, 7U);
    }
    offer().sectors = BLOCK_SECTORS_MOST;
    expect_right();
    EXPECT_GT(static_cast<int64_t>(traits.sectors << RINGFOLD_BLOCK_SECTOR_SHIFT), 0);
    offer().sectors = 0;
    expect_right();
}

TEST_F(BlockOffer, EndsWithAWholeBlock) {
    offer().logical_block = 4096;
    offer().sectors = 23;
    expect_right();
    EXPECT_EQ(traits.sectors, 16U);
    offer().sectors = 31;
    uint64_t size = 0;
    ASSERT_TRUE(block_offer_read_size(&page, &traits, &size, &fault));
    EXPECT_EQ(size, 24U);
}

TEST_F(BlockOffer, HasRequestsWithPages) {
    offer().pages_limit = 0;
    expect_wrong("pages_limit", 0);
    const std::pair<uint32_t, uint32_t> limits[] = {{1, 1}, {128, 128}, {129, 128}, {~0U, 128}};
    for (const auto &[offered, taken] : limits) {
        offer().pages_limit = offered;
        expect_right();
        EXPECT_EQ(traits.request_pages, taken);
    }
}

TEST_F(BlockOffer, KnowsOnlyItsOwnFeatures) {
    page.features = ~0U;
    expect_right();
    EXPECT_EQ(traits.features, all_features);
}

// Linux rounds to the granularity with masks: what is no power of two makes it round to 0, and discard 0 sectors for
// ever.
TEST_F(BlockOffer, AdviceThatMakesNoSenseIsNotTaken) {
    for (const uint32_t bytes : {0U, 1U, 256U, 511U, 513U, 3U << 16, 0xffffffffU, 0x80000001U}) {
        offer().discard_granularity = bytes;
        offer().physical_block = bytes;
        expect_right();
        EXPECT_EQ(traits.discard_granularity, 512U) << bytes;
        EXPECT_EQ(traits.physical_block, 512U) << bytes;
    }
    offer().physical_block = BLOCK_PHYSICAL_MOST * 2;
    offer().discard_granularity = 1U << 31;
    expect_right();
    EXPECT_EQ(traits.physical_block, 512U);
    EXPECT_EQ(traits.discard_granularity, 1U << 31);
}

TEST_F(BlockOffer, RangesAreWholeBlocksAndLessThan4GiB) {
    offer().logical_block = 4096;
    offer().discard_limit = ~0U;
    offer().write_zeroes_limit = 0x800000;  // 4 GiB, 0 in a 32-bit number of bytes
    expect_right();
    EXPECT_EQ(traits.discard_limit, 0x7ffff8U);
    EXPECT_EQ(traits.write_zeroes_limit, 0x7ffff8U);
    offer().discard_limit = 7;
    offer().write_zeroes_limit = 9;
    expect_right();
    EXPECT_EQ(traits.discard_limit, 0U);
    EXPECT_EQ(traits.write_zeroes_limit, 8U);
}

TEST_F(BlockOffer, WhatIsNotOfferedHasNoLimits) {
    page.features = 0;
    expect_right();
    EXPECT_EQ(traits.discard_granularity, 0U);
    EXPECT_EQ(traits.discard_limit, 0U);
    EXPECT_EQ(traits.write_zeroes_limit, 0U);
}

TEST_F(BlockOffer, AQueueHasRoomForTheLargestRequest) {
    expect_right();
    ringfold_device_queue queue{};
    for (const uint32_t pages : {0U, 1U, 3U, 4U, 64U, 67U, RINGFOLD_BLOCK_POOL_FIRST + 65536U, 0x80000000U, ~0U}) {
        queue.pages = pages;
        EXPECT_FALSE(block_queue_is_right(&queue, &traits, &fault)) << pages;
        EXPECT_EQ(fault.value, pages);
    }
    for (const uint32_t pages : {68U, 131U, RINGFOLD_BLOCK_POOL_FIRST + 65535U}) {
        queue.pages = pages;
        EXPECT_TRUE(block_queue_is_right(&queue, &traits, &fault)) << pages;
    }
}

}  // namespace
