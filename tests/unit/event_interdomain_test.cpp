// SPDX-License-Identifier: Apache-2.0
//
// Connections: who may connect to what, and who is kept alive by whom.
#include "hypervisor/event/machine_irq.hpp"
#include "tests/unit/event_world.hpp"

#include <gtest/gtest.h>

namespace ringfold::test {
namespace {

class EventInterdomainTest : public testing::Test {
  protected:
    EventWorld world_;
    SimulatedEventDomain &a_ = world_.add(2);
    SimulatedEventDomain &b_ = world_.add(2);
};

TEST_F(EventInterdomainTest, AnOfferIsForOneDomainOnly) {
    SimulatedEventDomain &c = world_.add(1);
    const Port offered = offer_port(a_.events, b_.events, 0).take();
    const Result<Port> stolen = connect_port(c.events, a_.events, offered, 0);
    ASSERT_FALSE(stolen.ok());
    EXPECT_EQ(stolen.error(), Error::not_found);
    EXPECT_EQ(c.events.lock()->limits().ports_bound, 0U);
    EXPECT_TRUE(connect_port(b_.events, a_.events, offered, 0).ok());
}

TEST_F(EventInterdomainTest, AnOfferIsNotInheritedByALaterDomainOfTheSameNumber) {
    const DomainId number = b_.events.id;
    const Port offered = offer_port(a_.events, b_.events, 0).take();
    EXPECT_EQ(b_.references, 0);  // it does not keep the domain from being freed
    world_.remove(b_);
    SimulatedEventDomain &later = world_.add_with_number(number, 1);
    EXPECT_EQ(a_.status(offered).domain, number.raw());
    const Result<Port> stolen = connect_port(later.events, a_.events, offered, 0);
    ASSERT_FALSE(stolen.ok());
    EXPECT_EQ(stolen.error(), Error::not_found);
}

TEST_F(EventInterdomainTest, AnEndThatWasLeftIsNotInheritedEither) {
    const DomainId number = b_.events.id;
    const Port offered = offer_port(a_.events, b_.events, 0).take();
    EXPECT_TRUE(connect_port(b_.events, a_.events, offered, 0).ok());
    EXPECT_EQ(b_.references, 1);
    EXPECT_EQ(a_.references, 1);
    world_.remove(b_);
    EXPECT_EQ(a_.references, 0);
    EXPECT_EQ(a_.vcpu(0).drain(), std::multiset<uint32_t>{offered.raw()});
    SimulatedEventDomain &later = world_.add_with_number(number, 1);
    EXPECT_FALSE(connect_port(later.events, a_.events, offered, 0).ok());
}

TEST_F(EventInterdomainTest, ALateCloseDoesNotHitALaterConnectionOfTheSamePorts) {
    const Port offered = offer_port(a_.events, b_.events, 0).take();
    const Port first = connect_port(b_.events, a_.events, offered, 0).take();
    const uint64_t old = a_.events.lock()->find(offered)->connection;
    EXPECT_TRUE(close_port(b_.events, first).ok());
    ASSERT_EQ(connect_port(b_.events, a_.events, offered, 0).take(), first);
    a_.vcpu(0).drain();
    disconnect_port(a_.events, offered, old);  // what a slow CPU does
    EXPECT_EQ(a_.status(offered).kind, RINGFOLD_EVENT_INTERDOMAIN);
    EXPECT_TRUE(a_.vcpu(0).drain().empty());
    EXPECT_TRUE(send_event(a_.events, offered).take());
    EXPECT_EQ(b_.vcpu(0).drain(), std::multiset<uint32_t>{first.raw()});
}

TEST_F(EventInterdomainTest, AnUnboundPortIsNotMistakenForAConnectionOfTheSameNumber) {
    // Incarnations and connections are counted apart, so the numbers meet.
    const Port offered = offer_port(a_.events, b_.events, 0).take();
    disconnect_port(a_.events, offered, b_.events.incarnation);
    EXPECT_TRUE(a_.vcpu(0).drain().empty());
    EXPECT_EQ(a_.status(offered).kind, RINGFOLD_EVENT_UNBOUND);
}

TEST_F(EventInterdomainTest, ARefusedConnectLeavesNothing) {
    const Result<Port> refused = connect_port(a_.events, b_.events, Port{1}, 0);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error(), Error::not_found);
    EXPECT_EQ(b_.references, 0);
    EXPECT_EQ(a_.events.lock()->limits().ports_bound, 0U);
}

TEST_F(EventInterdomainTest, WhatHappensInTheMachineIsToldToWhoBoundIt) {
    const Port port = bind_virtual_irq(a_.events, VirtualIrq::domain_state, 1).take();
    raise_machine_irq(VirtualIrq::domain_state);
    raise_machine_irq(VirtualIrq::log);
    EXPECT_EQ(a_.vcpu(1).drain(), std::multiset<uint32_t>{port.raw()});
    EXPECT_TRUE(b_.vcpu(0).drain().empty());
    EXPECT_TRUE(close_port(a_.events, port).ok());
    raise_machine_irq(VirtualIrq::domain_state);
    EXPECT_TRUE(a_.vcpu(1).drain().empty());
    world_.remove(a_);
    raise_machine_irq(VirtualIrq::domain_state);
}

TEST_F(EventInterdomainTest, OnlySoManyMayHearOfTheMachine) {
    std::vector<SimulatedEventDomain *> domains;
    for (;;) {
        domains.push_back(&world_.add(1));
        const Result<Port> bound = bind_virtual_irq(domains.back()->events, VirtualIrq::log, 0);
        if (!bound.ok()) {
            EXPECT_EQ(bound.error(), Error::limit_reached);
            EXPECT_EQ(domains.back()->events.lock()->limits().ports_bound, 0U);
            break;
        }
    }
    EXPECT_EQ(domains.size(), 33U);
    world_.remove(*domains.front());
    EXPECT_TRUE(bind_virtual_irq(domains.back()->events, VirtualIrq::log, 0).ok());
}

}  // namespace
}  // namespace ringfold::test
