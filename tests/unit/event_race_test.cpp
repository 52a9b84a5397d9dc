// SPDX-License-Identifier: Apache-2.0
//
// Two threads for two CPUs. Between two domains everything may happen at once; what must hold is said where it is
// checked.
#include "tests/unit/event_world.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

namespace ringfold::test {
namespace {

class EventRaceTest : public testing::Test {
  protected:
    EventWorld world_;
    SimulatedEventDomain &a_ = world_.add(2, 8);
    SimulatedEventDomain &b_ = world_.add(2, 8);
};

// What a guest does that has an upcall: at most one thread is a vCPU's.
void wait_for_upcall(SimulatedEventVcpu &vcpu) {
    while (std::atomic_ref<uint8_t>(vcpu.page.upcall_pending).load() == 0) {
        std::this_thread::yield();
    }
}

TEST_F(EventRaceTest, TheLastOfManyEventsIsSeen) {
    constexpr uint64_t events = 20'000;
    a_.vcpu(0).drain();
    const Port offered = offer_port(b_.events, a_.events, 0).take();
    const Port port = connect_port(a_.events, b_.events, offered, 0).take();
    std::atomic<uint64_t> number = 0;
    std::thread sender([&] {
        for (uint64_t count = 1; count <= events; ++count) {
            number.store(count);
            EXPECT_TRUE(send_event(a_.events, port).ok());
        }
    });
    // An event that is lost is a test that hangs, and is ended by whoever runs it.
    for (uint64_t seen = 0; seen < events;) {
        wait_for_upcall(b_.vcpu(0));
        for (const uint32_t found : b_.vcpu(0).drain()) {
            EXPECT_EQ(found, offered.raw());
            seen = number.load();
        }
    }
    sender.join();
}

TEST_F(EventRaceTest, NoEventIsLostWhileItsPortMovesAndIsMasked) {
    constexpr uint64_t events = 5'000;
    const Port offered = offer_port(b_.events, a_.events, 0).take();
    const Port port = connect_port(a_.events, b_.events, offered, 0).take();
    std::atomic<uint64_t> number = 0;
    std::atomic<uint64_t> seen = 0;
    std::thread sender([&] {
        for (uint64_t count = 1; count <= events; ++count) {
            number.store(count);
            EXPECT_TRUE(send_event(a_.events, port).ok());
            while (seen.load() < count) {
                std::this_thread::yield();
            }
        }
    });
    std::mt19937_64 random{random_seed()};
    while (seen.load() < events) {
        EXPECT_TRUE(move_port(b_.events, offered, static_cast<uint32_t>(random() % 2)).ok());
        if (random() % 4 == 0) {
            EXPECT_TRUE(mask_port(b_.events, offered).ok());
            std::this_thread::yield();
            EXPECT_TRUE(unmask_port(b_.events, offered).ok());
        }
        for (unsigned vcpu = 0; vcpu < 2; ++vcpu) {
            if (b_.vcpu(vcpu).has_upcall() && !b_.vcpu(vcpu).drain().empty()) {
                seen.store(number.load());
            }
        }
    }
    sender.join();
}

// Each domain's thread binds, connects, sends and closes its own ports at random.
void do_anything(SimulatedEventDomain &self, SimulatedEventDomain &other, uint64_t seed) {
    std::mt19937_64 random{seed};
    const auto any_port = [&random] { return Port{static_cast<uint32_t>(random() % 9)}; };
    for (unsigned step = 0; step < 20'000; ++step) {
        const auto vcpu = static_cast<uint8_t>(random() % 2);
        SimulatedEventDomain &peer = random() % 4 == 0 ? self : other;
        switch (random() % 6) {
            case 0:
                (void)offer_port(self.events, peer.events, vcpu);
                break;
            case 1:
            case 2:
                (void)connect_port(self.events, peer.events, any_port(), vcpu);
                break;
            case 3:
                (void)close_port(self.events, any_port());
                break;
            case 4:
                (void)move_port(self.events, any_port(), vcpu);
                break;
            default:
                (void)send_event(self.events, any_port());
        }
    }
}

TEST_F(EventRaceTest, BothEndsOfAConnectionAgreeAfterwards) {
    const uint64_t seed = random_seed();
    std::thread first([&] { do_anything(a_, b_, seed); });
    std::thread second([&] { do_anything(b_, a_, seed + 1); });
    first.join();
    second.join();
    int64_t references_to_a = 0;
    int64_t references_to_b = 0;
    for (SimulatedEventDomain *const domain : {&a_, &b_}) {
        auto state = domain->events.lock();
        for (Port port = state->next(Port{}); port != Port{}; port = state->next(Port{port.raw() + 1})) {
            const PortEntry entry = *state->find(port);
            if (entry.kind != PortKind::interdomain) {
                EXPECT_EQ(entry.remote, nullptr);
                continue;
            }
            (entry.remote == &a_.events ? references_to_a : references_to_b) += 1;
            PortEntry other;
            if (entry.remote == &domain->events) {
                other = *state->find(Port{entry.source});
            } else {
                // Of the other domain, whose lock this thread cannot take as well; nobody else runs.
                EventDomain *const remote = entry.remote;
                std::thread([&] { other = *remote->lock()->find(Port{entry.source}); }).join();
            }
            EXPECT_EQ(other.kind, PortKind::interdomain);
            EXPECT_EQ(other.source, port.raw());
            EXPECT_EQ(other.connection, entry.connection);
            EXPECT_EQ(other.remote, &domain->events);
        }
    }
    EXPECT_EQ(a_.references, references_to_a);
    EXPECT_EQ(b_.references, references_to_b);
}

TEST_F(EventRaceTest, ADomainGoesWhileItsPeerIsBusyWithIt) {
    const uint64_t seed = random_seed();
    std::thread busy([&] { do_anything(a_, b_, seed); });
    for (unsigned count = 0; count < 200; ++count) {
        (void)offer_port(b_.events, a_.events, 0);
        (void)connect_port(b_.events, a_.events, Port{1 + count % 8}, 1);
    }
    while (!close_all_ports(b_.events).ok()) {
    }
    busy.join();
    EXPECT_EQ(b_.events.lock()->limits().ports_bound, 0U);
    auto state = a_.events.lock();
    for (Port port = state->next(Port{}); port != Port{}; port = state->next(Port{port.raw() + 1})) {
        const PortEntry entry = *state->find(port);
        EXPECT_FALSE(entry.kind == PortKind::interdomain && entry.remote == &b_.events);
    }
}

}  // namespace
}  // namespace ringfold::test
