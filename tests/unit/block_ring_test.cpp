// SPDX-License-Identifier: Apache-2.0
//
// The block protocol's queues (split-drivers/block_ring.c): both ends on one shared page, honest and hostile.
#include "split-drivers/block_ring.h"

#include "random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr uint32_t page_sectors = 8;

struct BlockRing : testing::Test {
    BlockRing() {
        front.queue = &queue;
        front.requests = requests.data();
        back.queue = &queue;
        back.requests = requests.data();
    }

    void start_at(uint32_t index) {
        front.asked = front.told = front.taken = index;
        back.taken = back.answered = back.told = index;
        queue.asked = queue.answered = queue.ask_event = queue.answer_event = index;
    }

    static ringfold_block_request request_of(uint32_t id, uint64_t sector = 0) {
        ringfold_block_request request{};
        request.id = id;
        request.sector = sector;
        request.sectors = page_sectors;
        request.page_count = 1;
        return request;
    }

    alignas(4096) ringfold_block_queue queue{};
    std::array<ringfold_block_request, RINGFOLD_BLOCK_DEPTH> requests{};
    block_front_ring front{};
    block_back_ring back{};
};

TEST_F(BlockRing, CarriesARequestAndItsAnswer) {
    ringfold_block_request taken{};
    ringfold_block_answer answer{};
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_NOTHING);
    EXPECT_EQ(block_front_take(&front, &answer), BLOCK_NOTHING);
    const ringfold_block_request asked = request_of(7, 40);
    block_front_put(&front, &asked);
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_NOTHING) << "it was not shown yet";
    EXPECT_TRUE(block_front_tell(&front)) << "the back end waits";
    ASSERT_EQ(block_back_take(&back, &taken), BLOCK_TAKEN);
    EXPECT_EQ(taken.id, 7u);
    EXPECT_EQ(taken.sector, 40u);
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_NOTHING);
    block_back_put(&back, 7, -RINGFOLD_ERANGE);
    EXPECT_EQ(block_front_take(&front, &answer), BLOCK_NOTHING);
    EXPECT_TRUE(block_back_tell(&back)) << "the front end waits";
    ASSERT_EQ(block_front_take(&front, &answer), BLOCK_TAKEN);
    EXPECT_EQ(answer.id, 7u);
    EXPECT_EQ(answer.status, -RINGFOLD_ERANGE);
    EXPECT_EQ(block_front_take(&front, &answer), BLOCK_NOTHING);
}

TEST_F(BlockRing, TellsOnlyWhoWaits) {
    ringfold_block_request taken{};
    const ringfold_block_request asked = request_of(0);
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_NOTHING);  // it waits for request 0
    block_front_put(&front, &asked);
    EXPECT_TRUE(block_front_tell(&front));
    block_front_put(&front, &asked);
    EXPECT_FALSE(block_front_tell(&front)) << "it was woken and is at work";
    EXPECT_FALSE(block_front_tell(&front)) << "there is nothing new";
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_TAKEN);
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_TAKEN);
    EXPECT_EQ(block_back_take(&back, &taken), BLOCK_NOTHING);
    block_front_put(&front, &asked);
    EXPECT_TRUE(block_front_tell(&front));
}

TEST_F(BlockRing, RefusesIndicesThatCannotBe) {
    ringfold_block_request taken{};
    for (const uint32_t start : {0u, 5u, ~0u - 3}) {
        for (const uint32_t ahead : {RINGFOLD_BLOCK_DEPTH + 1, 0x80000000u, ~0u}) {
            start_at(start);
            queue.asked = start + ahead;
            EXPECT_EQ(block_back_take(&back, &taken), BLOCK_BROKEN) << start << " " << ahead;
            EXPECT_EQ(back.taken, start);
        }
        start_at(start);
        queue.asked = start + RINGFOLD_BLOCK_DEPTH;
        EXPECT_EQ(block_back_take(&back, &taken), BLOCK_TAKEN);
        queue.asked = start + RINGFOLD_BLOCK_DEPTH + 1;  // one more, with none answered
        EXPECT_EQ(block_back_take(&back, &taken), BLOCK_BROKEN);
        block_back_put(&back, 0, 0);
        EXPECT_EQ(block_back_take(&back, &taken), BLOCK_TAKEN);
        queue.asked = start;  // back
        EXPECT_EQ(block_back_take(&back, &taken), BLOCK_BROKEN);
    }
}

TEST_F(BlockRing, RefusesAnswersThatCannotBe) {
    ringfold_block_answer answer{};
    for (const uint32_t start : {0u, 5u, ~0u - 3}) {
        for (const uint32_t ahead : {1u, RINGFOLD_BLOCK_DEPTH, 0x80000000u, ~0u}) {
            start_at(start);
            queue.answered = start + ahead;
            EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN)
                << start << " " << ahead << ": nothing was asked";
            EXPECT_EQ(front.taken, start);
        }
        start_at(start);
        const ringfold_block_request asked = request_of(0);
        block_front_put(&front, &asked);
        queue.answered = start + 1;
        EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN) << start << ": it was not shown";
        (void)block_front_tell(&front);
        queue.answered = start + 2;
        EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN) << start << ": one was asked";
        queue.answered = start + 1;
        EXPECT_EQ(block_front_take(&front, &answer), BLOCK_TAKEN);
        EXPECT_EQ(block_front_take(&front, &answer), BLOCK_NOTHING);
    }
}

// Whoever took such an answer would complete a request that is not under way, or one of somebody else.
TEST_F(BlockRing, RefusesAnswersToNothing) {
    ringfold_block_answer answer{};
    for (const uint32_t id : {0u, 5u, 63u, 64u, RINGFOLD_BLOCK_DEPTH - 1}) {
        for (const uint32_t wrong : {id + 1, id ^ 64, RINGFOLD_BLOCK_DEPTH + id, 0x80000000u + id, ~0u}) {
            start_at(7);
            front.unanswered[0] = front.unanswered[1] = 0;
            const ringfold_block_request asked = request_of(id);
            block_front_put(&front, &asked);
            (void)block_front_tell(&front);
            block_back_put(&back, wrong, 0);
            (void)block_back_tell(&back);
            EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN) << id << " " << wrong;
            EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN) << "and it stays broken";
            EXPECT_TRUE(block_front_take_back(&front, id)) << "it is still unanswered";
            EXPECT_FALSE(block_front_take_back(&front, id));
            EXPECT_FALSE(block_front_take_back(&front, wrong));
        }
    }
}

TEST_F(BlockRing, RefusesASecondAnswer) {
    ringfold_block_answer answer{};
    for (const uint32_t id : {3u, 4u}) {
        const ringfold_block_request asked = request_of(id);
        block_front_put(&front, &asked);
    }
    (void)block_front_tell(&front);
    block_back_put(&back, 3, 0);
    block_back_put(&back, 3, 0);
    (void)block_back_tell(&back);
    EXPECT_EQ(block_front_take(&front, &answer), BLOCK_TAKEN);
    EXPECT_EQ(answer.id, 3U);
    EXPECT_EQ(block_front_take(&front, &answer), BLOCK_BROKEN);
    EXPECT_TRUE(block_front_take_back(&front, 4));
}

TEST_F(BlockRing, NothingIsLostOrDoubledInAnyOrder) {
    std::mt19937 random(ringfold::test::random_seed());
    start_at(~0u - 500);
    std::deque<uint32_t> unserved;
    std::vector<uint32_t> in_flight;
    std::vector<uint32_t> free_ids(RINGFOLD_BLOCK_DEPTH);
    std::array<bool, RINGFOLD_BLOCK_DEPTH> asked{};
    for (uint32_t id = 0; id < RINGFOLD_BLOCK_DEPTH; ++id) {
        free_ids[id] = id;
    }
    for (unsigned step = 0; step < 200000; ++step) {
        ringfold_block_request taken{};
        ringfold_block_answer answer{};
        switch (random() % 5) {
            case 0:
                if (!free_ids.empty()) {
                    const ringfold_block_request request = request_of(free_ids.back(), step);
                    asked[request.id] = true;
                    free_ids.pop_back();
                    unserved.push_back(request.id);
                    block_front_put(&front, &request);
                }
                break;
            case 1:
                (void)block_front_tell(&front);
                break;
            case 2:
                if (block_back_take(&back, &taken) == BLOCK_TAKEN) {
                    ASSERT_EQ(taken.id, unserved.front());
                    unserved.pop_front();
                    in_flight.push_back(taken.id);
                }
                break;
            case 3:
                if (!in_flight.empty()) {
                    std::swap(in_flight[random() % in_flight.size()], in_flight.back());
                    block_back_put(&back, in_flight.back(), 0);
                    in_flight.pop_back();
                    (void)block_back_tell(&back);
                }
                break;
            default:
                if (const block_take result = block_front_take(&front, &answer); result != BLOCK_NOTHING) {
                    ASSERT_EQ(result, BLOCK_TAKEN);
                    ASSERT_LT(answer.id, RINGFOLD_BLOCK_DEPTH);
                    ASSERT_TRUE(asked[answer.id]);
                    asked[answer.id] = false;
                    free_ids.push_back(answer.id);
                }
        }
    }
}

// Two threads that sleep whenever they may: an event that is not sent would leave both asleep.
TEST_F(BlockRing, NobodySleepsThroughAnEvent) {
    constexpr uint32_t count = 20000;
    std::atomic<uint32_t> front_events = 0;
    std::atomic<uint32_t> back_events = 0;
    std::jthread server([&] {
        for (uint32_t served = 0; served < count;) {
            const uint32_t events = back_events.load();
            ringfold_block_request taken{};
            const block_take result = block_back_take(&back, &taken);
            ASSERT_NE(result, BLOCK_BROKEN);
            if (result == BLOCK_NOTHING) {
                back_events.wait(events);
                continue;
            }
            block_back_put(&back, taken.id, 0);
            ++served;
            if (block_back_tell(&back)) {
                ++front_events;
                front_events.notify_one();
            }
        }
    });
    uint32_t asked = 0;
    for (uint32_t answered = 0; answered < count;) {
        const uint32_t events = front_events.load();
        while (asked < count && asked - answered < 4) {
            const ringfold_block_request request = request_of(asked % RINGFOLD_BLOCK_DEPTH);
            block_front_put(&front, &request);
            ++asked;
        }
        if (block_front_tell(&front)) {
            ++back_events;
            back_events.notify_one();
        }
        ringfold_block_answer answer{};
        if (block_front_take(&front, &answer) == BLOCK_TAKEN) {
            ++answered;
        } else {
            front_events.wait(events);
        }
    }
}

struct BlockRequest : testing::Test {
    BlockRequest() {
        limits.sectors = 1000;
        limits.logical_block = 512;
        limits.features = RINGFOLD_BLOCK_FLUSH | RINGFOLD_BLOCK_DISCARD | RINGFOLD_BLOCK_WRITE_ZEROES;
        limits.pages_limit = 64;
        limits.pool_pages = 128;
        limits.discard_limit = 500;
        limits.write_zeroes_limit = 100;
        request.sectors = page_sectors;
        request.page_count = 1;
    }

    int32_t check() const { return block_check_request(&request, &limits); }

    block_limits limits{};
    ringfold_block_request request{};
};

TEST_F(BlockRequest, StaysOnTheDisk) {
    request.sector = 992;
    EXPECT_EQ(check(), 0);
    for (const uint64_t sector : {uint64_t{993}, uint64_t{1000}, uint64_t{1001}, ~uint64_t{0}, ~uint64_t{0} - 6}) {
        request.sector = sector;
        EXPECT_EQ(check(), -RINGFOLD_ERANGE) << sector;
    }
}

TEST_F(BlockRequest, HasAsManyPagesAsItsSectorsNeed) {
    for (const auto &[sectors, pages, result] : {std::tuple{1u, 1u, 0},
                                                 {8u, 1u, 0},
                                                 {9u, 2u, 0},
                                                 {9u, 1u, -RINGFOLD_EINVAL},
                                                 {8u, 2u, -RINGFOLD_EINVAL},
                                                 {0u, 0u, -RINGFOLD_EINVAL},
                                                 {0u, 1u, -RINGFOLD_EINVAL},
                                                 {160u, 20u, 0},
                                                 {168u, 21u, -RINGFOLD_EINVAL}}) {
        request.sectors = sectors;
        request.page_count = static_cast<uint16_t>(pages);
        EXPECT_EQ(check(), result) << sectors << " " << pages;
    }
    request.flags = RINGFOLD_BLOCK_INDIRECT;
    request.sectors = 168;
    request.page_count = 21;
    EXPECT_EQ(check(), 0);
    request.page_count = 65;
    request.sectors = 65 * page_sectors;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL) << "more than was offered";
    request.sectors = ~uint64_t{0};
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
}

TEST_F(BlockRequest, KeepsToBlocks) {
    limits.logical_block = 4096;
    EXPECT_EQ(check(), 0);
    request.sector = 4;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
    request.sector = 8;
    request.sectors = 4;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
}

TEST_F(BlockRequest, ChangesNothingOnAReadOnlyDisk) {
    limits.features = RINGFOLD_BLOCK_READ_ONLY;
    EXPECT_EQ(check(), 0);
    for (const uint32_t operation :
         {RINGFOLD_BLOCK_WRITE, RINGFOLD_BLOCK_FLUSH_CACHE, RINGFOLD_BLOCK_DISCARD_RANGE, RINGFOLD_BLOCK_ZERO_RANGE}) {
        request.operation = static_cast<uint8_t>(operation);
        EXPECT_EQ(check(), -RINGFOLD_EACCES) << operation;
    }
}

TEST_F(BlockRequest, DoesOnlyWhatWasTaken) {
    limits.features = 0;
    EXPECT_EQ(check(), 0);
    for (const uint32_t operation :
         {RINGFOLD_BLOCK_FLUSH_CACHE, RINGFOLD_BLOCK_DISCARD_RANGE, RINGFOLD_BLOCK_ZERO_RANGE}) {
        request.operation = static_cast<uint8_t>(operation);
        EXPECT_EQ(check(), -RINGFOLD_ENOSYS) << operation;
    }
    request.operation = RINGFOLD_BLOCK_WRITE;
    EXPECT_EQ(check(), 0);
    request.flags = RINGFOLD_BLOCK_FORCE_ACCESS;
    EXPECT_EQ(check(), -RINGFOLD_ENOSYS);
    request.flags = RINGFOLD_BLOCK_NO_UNMAP;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
    request.flags = 0;
    request.operation = 5;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
}

TEST_F(BlockRequest, KeepsRangesWithinTheirLimits) {
    request.page_count = 0;
    request.operation = RINGFOLD_BLOCK_DISCARD_RANGE;
    request.sectors = 500;
    EXPECT_EQ(check(), 0);
    request.sectors = 501;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
    request.operation = RINGFOLD_BLOCK_ZERO_RANGE;
    request.sectors = 100;
    EXPECT_EQ(check(), 0);
    request.sectors = 101;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL);
    request.operation = RINGFOLD_BLOCK_FLUSH_CACHE;
    EXPECT_EQ(check(), -RINGFOLD_EINVAL) << "a flush has no range";
    request.sectors = 0;
    EXPECT_EQ(check(), 0);
}

TEST_F(BlockRequest, NamesPagesOfThePoolOnly) {
    std::array<uint16_t, BLOCK_REQUEST_PAGES_MAX> pages{};
    request.pages[0] = 127;
    EXPECT_EQ(block_copy_pages(&request, nullptr, &limits, pages.data()), 0);
    EXPECT_EQ(pages[0], 127);
    request.pages[0] = 128;
    EXPECT_EQ(block_copy_pages(&request, nullptr, &limits, pages.data()), -RINGFOLD_EINVAL);
    EXPECT_EQ(block_indirect_page(&request, &limits), -RINGFOLD_EINVAL);
    request.pages[0] = 3;
    EXPECT_EQ(block_indirect_page(&request, &limits), 3);
    std::array<uint16_t, 64> indirect{};
    request.flags = RINGFOLD_BLOCK_INDIRECT;
    request.page_count = 64;
    indirect[63] = 127;
    EXPECT_EQ(block_copy_pages(&request, indirect.data(), &limits, pages.data()), 0);
    EXPECT_EQ(pages[63], 127);
    indirect[63] = 0xffff;
    EXPECT_EQ(block_copy_pages(&request, indirect.data(), &limits, pages.data()), -RINGFOLD_EINVAL);
}

}  // namespace
