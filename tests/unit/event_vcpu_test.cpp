// SPDX-License-Identifier: Apache-2.0
//
// The event words of one vCPU: which bits an event sets, when the vCPU is woken, and what moves with it.
#include "tests/unit/event_world.hpp"

#include <gtest/gtest.h>

namespace ringfold::test {
namespace {

class EventVcpuTest : public testing::Test {
  protected:
    EventWorld world_;
    SimulatedEventVcpu vcpu_{VcpuId{0}};
    ringfold_event_area &area_ = vcpu_.page.events;
};

constexpr Port low{5};
constexpr Port high{3 * RINGFOLD_EVENT_PAGE_PORTS + 777};

TEST_F(EventVcpuTest, AnEventSetsOneBitOnEachLevel) {
    vcpu_.events.move_to(&vcpu_.page);
    const Port port{64 * 9 + 13};
    vcpu_.events.raise(port);
    EXPECT_EQ(area_.selector, 1U);
    EXPECT_EQ(area_.selectors[0], 1U << 9);
    EXPECT_EQ(area_.pending[9], 1U << 13);
    EXPECT_EQ(vcpu_.page.upcall_pending, 1);
    EXPECT_EQ(vcpu_.wakes, 1U);
    EXPECT_EQ(vcpu_.drain(), std::multiset<uint32_t>{port.raw()});
    const ringfold_event_area empty{};
    EXPECT_EQ(std::memcmp(&area_, &empty, sizeof area_), 0);
}

TEST_F(EventVcpuTest, APortBeyondTheAreaHasItsBitsInAPage) {
    vcpu_.events.move_to(&vcpu_.page);
    EXPECT_FALSE(vcpu_.events.words().reach(high));
    ASSERT_TRUE(vcpu_.events.attach(3, vcpu_.event_pages[3]).ok());
    EXPECT_TRUE(vcpu_.events.words().reach(high));
    vcpu_.events.raise(high);
    EXPECT_EQ(area_.selector, uint64_t{1} << (high.raw() / 4096));
    EXPECT_EQ(area_.selectors[high.raw() / 4096], uint64_t{1} << (high.raw() / 64 % 64));
    EXPECT_EQ(vcpu_.event_pages[3].pending[777 / 64], uint64_t{1} << 777 % 64);
    EXPECT_EQ(vcpu_.drain(), std::multiset<uint32_t>{high.raw()});
}

TEST_F(EventVcpuTest, TheVeryLastPortHasTheVeryLastBit) {
    vcpu_.events.move_to(&vcpu_.page);
    ASSERT_TRUE(vcpu_.events.attach(15, vcpu_.event_pages[15]).ok());
    vcpu_.events.raise(Port{RINGFOLD_EVENT_PORTS - 1});
    EXPECT_EQ(area_.selector, uint64_t{1} << 63);
    EXPECT_EQ(area_.selectors[63], uint64_t{1} << 63);
    EXPECT_EQ(vcpu_.event_pages[15].pending[255], uint64_t{1} << 63);
}

TEST_F(EventVcpuTest, AStormWakesOnceForEachLook) {
    vcpu_.events.move_to(&vcpu_.page);
    for (unsigned look = 1; look <= 3; ++look) {
        for (unsigned count = 0; count < 100; ++count) {
            vcpu_.events.raise(Port{1 + count % 7});
        }
        EXPECT_EQ(vcpu_.wakes, look);
        EXPECT_EQ(vcpu_.drain().size(), 7U);
    }
}

TEST_F(EventVcpuTest, APendingPortThatWasNotTakenInterruptsNobodyAgain) {
    vcpu_.events.move_to(&vcpu_.page);
    vcpu_.events.raise(low);
    vcpu_.page.upcall_pending = 0;  // looked, but left the port pending
    vcpu_.events.raise(low);
    EXPECT_EQ(vcpu_.wakes, 1U);
    EXPECT_EQ(vcpu_.page.upcall_pending, 0);
}

TEST_F(EventVcpuTest, AMaskedPortWakesNobodyUntilItIsUnmasked) {
    vcpu_.events.move_to(&vcpu_.page);
    vcpu_.events.words().set_masked(low);
    vcpu_.events.raise(low);
    EXPECT_EQ(vcpu_.wakes, 0U);
    EXPECT_EQ(area_.selector, 0U);
    EXPECT_TRUE(vcpu_.drain().empty());
    vcpu_.events.unmask(low);
    EXPECT_EQ(vcpu_.wakes, 1U);
    EXPECT_EQ(vcpu_.drain(), std::multiset<uint32_t>{low.raw()});
    vcpu_.events.unmask(low);
    EXPECT_EQ(vcpu_.wakes, 1U);
}

TEST_F(EventVcpuTest, APolledPortWakesOnceMaskedOrNot) {
    vcpu_.events.move_to(&vcpu_.page);
    const std::array<Port, 2> ports{low, Port{9}};
    vcpu_.events.words().set_masked(low);
    vcpu_.events.polled.set(ports);
    vcpu_.events.raise(Port{10});
    EXPECT_EQ(vcpu_.wakes, 1U);  // the upcall
    vcpu_.events.raise(low);
    EXPECT_EQ(vcpu_.wakes, 2U);
    vcpu_.events.raise(Port{9});
    EXPECT_EQ(vcpu_.wakes, 2U);  // no longer polled, and its upcall is pending already
}

TEST_F(EventVcpuTest, WordsMoveFromPageToPageWithNothingElse) {
    vcpu_.events.raise(low);
    EXPECT_EQ(vcpu_.wakes, 0U);  // it has no page: it cannot run yet
    ringfold_vcpu_page first{};
    first.events.pending[7] = 99;
    vcpu_.events.move_to(&first);
    EXPECT_EQ(first.upcall_pending, 1);
    EXPECT_EQ(first.events.pending[0], 1U << low.raw());
    EXPECT_EQ(first.events.pending[7], 0U);
    ringfold_vcpu_page second{};
    vcpu_.events.move_to(&second);
    EXPECT_EQ(second.events.pending[0], 1U << low.raw());
    EXPECT_EQ(second.upcall_pending, 1);
    EXPECT_EQ(second.interrupt_flag, 0);
    first.events.pending[0] = 0;
    vcpu_.events.raise(Port{6});
    EXPECT_EQ(first.events.pending[0], 0U);
    vcpu_.events.move_to(nullptr);
    EXPECT_EQ(vcpu_.events.early.pending[0], 1U << 5 | 1U << 6);
}

TEST_F(EventVcpuTest, APageWithPortsCannotBeTakenAway) {
    vcpu_.events.move_to(&vcpu_.page);
    EXPECT_EQ(vcpu_.events.attach(16, vcpu_.event_pages[0]).error(), Error::out_of_range);
    EXPECT_EQ(vcpu_.events.detach(16).error(), Error::out_of_range);
    EXPECT_EQ(vcpu_.events.detach(3).error(), Error::not_found);
    ASSERT_TRUE(vcpu_.events.attach(3, vcpu_.event_pages[3]).ok());
    EXPECT_EQ(vcpu_.events.attach(3, vcpu_.event_pages[4]).error(), Error::already_exists);
    vcpu_.events.adopt(high);
    EXPECT_EQ(vcpu_.events.detach(3).error(), Error::busy);
    vcpu_.events.drop(high);
    EXPECT_TRUE(vcpu_.events.detach(3).ok());
    EXPECT_FALSE(vcpu_.events.words().reach(high));
}

TEST_F(EventVcpuTest, BindingClearsBothBits) {
    vcpu_.events.move_to(&vcpu_.page);
    area_.pending[0] = ~uint64_t{0};
    area_.masked[0] = ~uint64_t{0};
    vcpu_.events.adopt(low);
    EXPECT_EQ(area_.pending[0], ~(uint64_t{1} << low.raw()));
    EXPECT_EQ(area_.masked[0], ~(uint64_t{1} << low.raw()));
}

}  // namespace
}  // namespace ringfold::test
