// SPDX-License-Identifier: Apache-2.0
//
// A disk whose connections end at any moment, by the rules of ringfold/device.h and block.h: real rings, a front end
// that asks again for what was not answered, and a back end whose disk does what it was given in any order, sooner or
// later.
#include "split-drivers/block_ring.h"

#include "random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace {

constexpr uint32_t sectors = 24;
constexpr unsigned steps = 200000;

// What both ends share as long as it lasts; the back end's disk may still use its pages when the front end has let go.
struct Connection {
    Connection() {
        front.queue = &queue;
        front.requests = requests.data();
        back.queue = &queue;
        back.requests = requests.data();
    }

    alignas(4096) ringfold_block_queue queue{};
    std::array<ringfold_block_request, RINGFOLD_BLOCK_DEPTH> requests{};
    std::array<uint64_t, RINGFOLD_BLOCK_DEPTH> pool{};  // the data of each request
    block_front_ring front{};
    block_back_ring back{};
};

struct InFlight {
    std::shared_ptr<Connection> connection;
    ringfold_block_request request;
};

class World {
  public:
    explicit World(bool waits_for_the_disk) : waits_(waits_for_the_disk) {}

    // How often a read found something else than what was written last.
    unsigned run() {
        for (unsigned step = 0; step < steps; ++step) {
            switch (random_() % 16) {
                case 0:
                    if (random_() % 8 == 0) {
                        reset();
                    }
                    break;
                case 1:
                case 2:
                case 3:
                    ask();
                    break;
                case 4:
                case 5:
                case 6:
                    (void)block_front_tell(&connection_->front);
                    break;
                case 7:
                case 8:
                case 9:
                    take();
                    break;
                case 10:
                case 11:
                case 12:
                    finish();
                    break;
                default:
                    note_answer();
            }
        }
        EXPECT_GT(answers_, steps / 20);
        EXPECT_GT(asked_again_, steps / 200);
        return wrong_;
    }

  private:
    // Only one request at a time uses a sector, as with file systems: nothing else would have one right result.
    void ask() {
        const auto sector = static_cast<uint32_t>(random_() % sectors);
        if (std::ranges::any_of(unanswered_, [&](const auto &one) { return one.second.sector == sector; })) {
            return;
        }
        ringfold_block_request request{};
        request.id = free_id();
        request.sector = sector;
        request.operation = random_() % 3 == 0 ? RINGFOLD_BLOCK_READ : RINGFOLD_BLOCK_WRITE;
        put(request, ++version_);
    }

    void put(const ringfold_block_request &request, uint64_t data) {
        unanswered_[request.id] = request;
        data_[request.id] = data;
        connection_->pool[request.id] = data;
        block_front_put(&connection_->front, &request);
    }

    uint32_t free_id() {
        uint32_t id = 0;
        do {
            id = static_cast<uint32_t>(random_() % RINGFOLD_BLOCK_DEPTH);
        } while (unanswered_.contains(id));
        return id;
    }

    void note_answer() {
        ringfold_block_answer answer{};
        const block_take taken = block_front_take(&connection_->front, &answer);
        ASSERT_NE(taken, BLOCK_BROKEN);
        if (taken == BLOCK_NOTHING) {
            return;
        }
        ASSERT_TRUE(unanswered_.contains(answer.id)) << "nobody asked for it on this connection";
        const ringfold_block_request request = unanswered_.at(answer.id);
        unanswered_.erase(answer.id);
        ++answers_;
        if (request.operation == RINGFOLD_BLOCK_WRITE) {
            written_[request.sector] = data_[answer.id];
        } else if (connection_->pool[answer.id] != written_[request.sector]) {
            ++wrong_;
        }
    }

    void take() {
        ringfold_block_request request{};
        const block_take taken = block_back_take(&connection_->back, &request);
        ASSERT_NE(taken, BLOCK_BROKEN);
        if (taken == BLOCK_TAKEN) {
            in_flight_.push_back({connection_, request});
        }
    }

    // The disk does one of those that it has, and the back end answers if anybody is there to hear it.
    void finish() {
        if (in_flight_.empty()) {
            return;
        }
        std::swap(in_flight_[random_() % in_flight_.size()], in_flight_.back());
        const InFlight done = in_flight_.back();
        in_flight_.pop_back();
        uint64_t &data = done.connection->pool[done.request.id];
        if (done.request.operation == RINGFOLD_BLOCK_WRITE) {
            disk_[done.request.sector] = data;
        } else {
            data = disk_[done.request.sector];
        }
        if (done.connection == connection_) {
            block_back_put(&connection_->back, done.request.id, 0);
            (void)block_back_tell(&connection_->back);
        }
    }

    void reset() {
        connection_ = std::make_shared<Connection>();
        while (waits_ && !in_flight_.empty()) {
            finish();
        }
        std::vector<ringfold_block_request> again;
        for (const auto &[id, request] : unanswered_) {
            again.push_back(request);
        }
        std::ranges::shuffle(again, random_);
        for (const ringfold_block_request &request : again) {
            ++asked_again_;
            put(request, data_[request.id]);
        }
    }

    bool waits_;
    std::mt19937 random_{ringfold::test::random_seed()};
    std::shared_ptr<Connection> connection_ = std::make_shared<Connection>();
    std::map<uint32_t, ringfold_block_request> unanswered_;
    std::array<uint64_t, RINGFOLD_BLOCK_DEPTH> data_{};
    std::vector<InFlight> in_flight_;
    std::array<uint64_t, sectors> disk_{};
    std::array<uint64_t, sectors> written_{};  // and answered
    uint64_t version_ = 0;
    unsigned answers_ = 0;
    unsigned asked_again_ = 0;
    unsigned wrong_ = 0;
};

TEST(BlockReplay, NothingIsLostOrDoubled) { EXPECT_EQ(World(true).run(), 0U); }

// Why a back end waits for its disk before it offers again: an old write would come behind newer ones.
TEST(BlockReplay, AnOldWriteThatComesLateIsSeen) { EXPECT_GT(World(false).run(), 0U); }

}  // namespace
