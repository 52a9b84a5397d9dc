// SPDX-License-Identifier: Apache-2.0
//
// The states of a front end (split-drivers/connection.c), between a driver that may fail and a back end that follows
// device.h, or does not.
#include "split-drivers/bus.h"

#include "random_seed.hpp"

#include <linux/jiffies.h>

#include <gtest/gtest.h>

#include <random>

unsigned long jiffies = 1000;
unsigned fake_messages = 0;

namespace {

// What the driver was asked, and what it answers.
struct Driver {
    unsigned connects = 0;
    unsigned disconnects = 0;
    unsigned changes = 0;
    unsigned fails = 0;
    int choose_error = 0;
    int connect_error = 0;
    bool may_close = true;
    bool closes_meanwhile = false;  // the back end, while it connects
    bool breaks_meanwhile = false;
};

Driver asked;
ringfold_device_page shared;
unsigned looks;
unsigned long later;
unsigned settled;

int choose(front_device *, front_choice *choice) {
    *choice = {.queues = 2, .features = 1};
    return asked.choose_error;
}

int connect(front_device *device) {
    EXPECT_FALSE(device->connected);
    if (asked.closes_meanwhile) {
        shared.back_state = RINGFOLD_STATE_CLOSED;
    }
    if (asked.breaks_meanwhile) {
        front_give_up(device, "a test");
    }
    asked.connects += asked.connect_error == 0 ? 1 : 0;
    return asked.connect_error;
}

void offer_changed(front_device *) { ++asked.changes; }

bool may_close(front_device *) { return asked.may_close; }

void disconnect(front_device *device) {
    EXPECT_TRUE(device->connected);
    ++asked.disconnects;
}

void fail(front_device *device) {
    EXPECT_FALSE(device->connected);
    ++asked.fails;
}

front_driver driver = {.driver = {},
                       .kind = RINGFOLD_DEVICE_BLOCK,
                       .probe = nullptr,
                       .choose = choose,
                       .connect = connect,
                       .offer_changed = offer_changed,
                       .may_close = may_close,
                       .disconnect = disconnect,
                       .fail = fail,
                       .remove = nullptr};

}  // namespace

// What bus.c does for it.
front_driver *front_driver_of(const front_device *) { return &driver; }
void front_look_again() { ++looks; }
void front_look_later(unsigned long delay) { later = delay; }
void front_settled(front_device *) { ++settled; }
void front_set_state(front_device *device, u32 state) {
    device->state = state;
    shared.front_state = state;
}

namespace {

struct Connection : testing::Test {
    Connection() {
        asked = {};
        shared = {};
        looks = settled = fake_messages = 0;
        later = 0;
        device.page = &shared;
        shared.back_state = RINGFOLD_STATE_OFFERED;
        front_begin(&device);
    }

    // As long as the front end says that it has more to do.
    void look() {
        do {
            looks = 0;
            front_step(&device);
        } while (looks != 0);
    }

    void back(u32 state) {
        shared.back_state = state;
        look();
    }

    void make_connected() {
        back(RINGFOLD_STATE_CONNECTED);
        ASSERT_EQ(shared.front_state, RINGFOLD_STATE_CONNECTED);
    }

    front_device device{};
};

TEST_F(Connection, IsMadeAndLooksForChanges) {
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED);
    EXPECT_EQ(shared.queue_count, 2U);
    EXPECT_EQ(shared.taken_features, 1U);
    make_connected();
    look();
    EXPECT_EQ(asked.connects, 1U);
    EXPECT_GE(asked.changes, 1U);
}

TEST_F(Connection, IsMadeAgainWhenTheBackEndWasReset) {
    make_connected();
    for (unsigned round = 1; round < 4; ++round) {
        back(RINGFOLD_STATE_CLOSED);
        EXPECT_EQ(asked.disconnects, round);
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE) << "the back end waits for that, and tells of nothing";
        back(RINGFOLD_STATE_OFFERED);
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED);
        make_connected();
        EXPECT_EQ(asked.connects, round + 1);
    }
    EXPECT_EQ(asked.fails, 0U);
    EXPECT_EQ(fake_messages, 0U);
}

TEST_F(Connection, EndsWhenTheBackEndBeganAnewWithoutAWord) {
    make_connected();
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(asked.disconnects, 1U);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED) << "until the back end has seen it";
    back(RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
}

TEST_F(Connection, WasResetBeforeItWasMade) {
    back(RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
    EXPECT_EQ(asked.disconnects, 0U);
    back(RINGFOLD_STATE_OFFERED);
    asked.connect_error = -ENOENT;
    asked.closes_meanwhile = true;
    back(RINGFOLD_STATE_CONNECTED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
    EXPECT_EQ(fake_messages, 0U) << "pages that are gone are the end of a connection, not an error";
    asked.connect_error = 0;
    asked.closes_meanwhile = false;
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED);
    make_connected();
}

TEST_F(Connection, IsTriedAgainAfterAnErrorWhenTimeHasPassed) {
    asked.connect_error = -ENOMEM;
    for (unsigned round = 0; round < 3; ++round) {
        back(RINGFOLD_STATE_CONNECTED);
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
        EXPECT_EQ(fake_messages, 1U) << "it is said once";
        EXPECT_GE(settled, 1U) << "who waits for devices does not wait for this one";
        back(RINGFOLD_STATE_CLOSED);
        back(RINGFOLD_STATE_OFFERED);
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
        EXPECT_EQ(later, HZ);
        jiffies += HZ - 1;
        look();
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
        EXPECT_EQ(later, 1U);
        ++jiffies;
        look();
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED);
    }
    asked.connect_error = 0;
    make_connected();
    back(RINGFOLD_STATE_CLOSED);
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED) << "the errors are forgotten";
}

TEST_F(Connection, WaitsWhenTheBackEndRefused) {
    for (const u32 error : {RINGFOLD_EINVAL + 0U, ~0U, 0x80000000U}) {
        shared.error = error;
        back(RINGFOLD_STATE_CLOSED);
        shared.error = 0;
        back(RINGFOLD_STATE_OFFERED);
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE) << error;
        EXPECT_LT(device.error, 0) << error;
        jiffies += HZ;
        look();
        EXPECT_EQ(shared.front_state, RINGFOLD_STATE_ASKED) << error;
    }
}

TEST_F(Connection, EndsWhenTheBackEndBreaksTheRules) {
    make_connected();
    front_give_up(&device, "a test");
    EXPECT_EQ(looks, 1U);
    look();
    EXPECT_EQ(asked.disconnects, 1U);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(device.broken, nullptr);
    back(RINGFOLD_STATE_CLOSED);
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE) << "not at once";
    jiffies += HZ;
    look();
    make_connected();
}

// Without an error, and as often as the back end likes: each connection costs the guest time.
TEST_F(Connection, IsMadeAgainOnlySoOften) {
    unsigned made = 0;
    const unsigned long begin = jiffies;
    for (unsigned step = 0; step < 1000; ++step) {
        jiffies += HZ / 100;
        back(RINGFOLD_STATE_OFFERED);
        if (shared.front_state == RINGFOLD_STATE_ASKED) {
            make_connected();
            ++made;
        } else {
            EXPECT_GT(later, 0U) << "nobody else tells when it may ask";
            EXPECT_LE(later, HZ / 4);
        }
        back(RINGFOLD_STATE_CLOSED);
    }
    EXPECT_EQ(asked.disconnects, made);
    EXPECT_GE(made, 16U) << "at once";
    EXPECT_LE(made, 16 + 1 + (jiffies - begin) / (HZ / 4));
    jiffies += HZ / 4;
    back(RINGFOLD_STATE_OFFERED);
    make_connected();
}

TEST_F(Connection, SaysOnlySoMuch) {
    for (unsigned round = 0; round < 600; ++round) {
        if (shared.back_state == RINGFOLD_STATE_OFFERED) {
            look();
            make_connected();
        }
        front_give_up(&device, "a test");
        look();
        back(RINGFOLD_STATE_CLOSED);
        jiffies += HZ;
        back(RINGFOLD_STATE_OFFERED);
    }
    EXPECT_GT(asked.connects, 500U);
    EXPECT_GE(fake_messages, 16U);
    EXPECT_LE(fake_messages, 16 + 600 / 60 + 1U) << "a back end must not fill the log";
}

TEST_F(Connection, ForgetsWhatWasBrokenWhileItWasNotMade) {
    asked.connect_error = -ENOENT;
    asked.breaks_meanwhile = true;
    back(RINGFOLD_STATE_CONNECTED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(device.broken, nullptr);
}

TEST_F(Connection, TakesUpChangesOnlySoOften) {
    unsigned taken = 0;
    for (unsigned change = 0; change < 1000; ++change) {
        taken += front_may_change(&device) ? 1 : 0;
    }
    EXPECT_EQ(taken, 16U);
    EXPECT_EQ(later, 10 * HZ);
    jiffies += 10 * HZ;
    EXPECT_TRUE(front_may_change(&device));
    EXPECT_FALSE(front_may_change(&device));
}

TEST_F(Connection, TakesAnyNumberOfQueues) {
    const std::pair<u32, u32> limits[] = {{0, 1}, {1, 1}, {4, 4}, {64, 64}, {65, 64}, {~0U, 64}};
    for (const auto &[offered, limit] : limits) {
        shared.queue_limit = offered;
        EXPECT_EQ(front_queue_limit(&device), limit) << offered;
    }
}

TEST_F(Connection, AnOfferThatDoesNotFitIsTheEnd) {
    make_connected();
    back(RINGFOLD_STATE_CLOSED);
    asked.choose_error = -EINVAL;
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(asked.fails, 1U);
    asked.choose_error = 0;
    back(RINGFOLD_STATE_CLOSED);
    back(RINGFOLD_STATE_OFFERED);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(asked.fails, 1U);
}

TEST_F(Connection, IsKeptWhileSomebodyUsesTheDevice) {
    make_connected();
    asked.may_close = false;
    back(RINGFOLD_STATE_CLOSING);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CONNECTED);
    back(RINGFOLD_STATE_CLOSED);  // the back end was reset: it is connected again, and asked again
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_NONE);
    back(RINGFOLD_STATE_OFFERED);
    make_connected();
    back(RINGFOLD_STATE_CLOSING);
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CONNECTED);
    asked.may_close = true;
    look();
    EXPECT_EQ(shared.front_state, RINGFOLD_STATE_CLOSED);
    EXPECT_EQ(asked.disconnects, 2U);
}

// Both ends take a step whenever they like, the driver fails now and then, and the back end is reset at any moment.
TEST_F(Connection, ComesBackWhateverHappensInBetween) {
    std::mt19937 random(ringfold::test::random_seed());
    for (unsigned step = 0; step < 100000; ++step) {
        const bool quiet = step % 1000 >= 900;  // nothing goes wrong for a while
        asked.connect_error = !quiet && random() % 8 == 0 ? -ENOMEM : 0;
        asked.closes_meanwhile = asked.connect_error != 0 && random() % 2 == 0;
        jiffies += random() % (HZ / 8);
        switch (random() % (quiet ? 2 : 6)) {
            case 0:
                front_step(&device);
                break;
            case 1:  // as device.h says of the back end
                if (shared.back_state == RINGFOLD_STATE_OFFERED && shared.front_state == RINGFOLD_STATE_ASKED) {
                    shared.back_state = RINGFOLD_STATE_CONNECTED;
                } else if (shared.front_state == RINGFOLD_STATE_CLOSED) {
                    shared.back_state = RINGFOLD_STATE_CLOSED;
                } else if (shared.back_state == RINGFOLD_STATE_CLOSED && shared.front_state == RINGFOLD_STATE_NONE) {
                    shared.back_state = RINGFOLD_STATE_OFFERED;
                }
                break;
            case 2:
                shared.back_state = RINGFOLD_STATE_CLOSED;
                break;
            case 3:  // it was reloaded, and forgot
                shared.back_state = RINGFOLD_STATE_OFFERED;
                break;
            case 4:
                if (device.connected) {
                    front_give_up(&device, "a test");
                }
                break;
            default:
                break;
        }
        ASSERT_EQ(device.connected, asked.connects == asked.disconnects + 1);
        if (step % 1000 == 999) {
            ASSERT_EQ(shared.front_state, RINGFOLD_STATE_CONNECTED) << step;
            ASSERT_EQ(shared.back_state, RINGFOLD_STATE_CONNECTED) << step;
        }
    }
    EXPECT_EQ(asked.fails, 0U);
}

}  // namespace
