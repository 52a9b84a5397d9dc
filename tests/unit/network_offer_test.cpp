// SPDX-License-Identifier: Apache-2.0
//
// What a back end says of a network interface (split-drivers/network_offer.c): what is refused, and what is taken up.
#include "split-drivers/network_offer.h"
#include "tests/unit/offer_world.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>

namespace {

struct NetworkOffer : OfferWorld<ringfold_network_offer, network_traits, network_offer_read> {
    NetworkOffer() {
        set_address({2, 0, 0, 0, 0, 1});
        offer().mtu = 1500;
        offer().stream_pages = 64;
        page.features = RINGFOLD_NETWORK_CHECKSUM | RINGFOLD_NETWORK_SEGMENTATION;
    }

    void set_address(const std::array<uint8_t, 6> &address) { std::memcpy(offer().address, address.data(), 6); }
};

TEST_F(NetworkOffer, IsTakenUpAsItIs) {
    expect_right();
    EXPECT_EQ(std::memcmp(traits.address, offer().address, 6), 0);
    EXPECT_EQ(traits.mtu, 1500U);
    EXPECT_EQ(traits.stream_pages, 64U);
    EXPECT_EQ(traits.features, page.features);
    EXPECT_FALSE(network_offer_read_link(&page));
    offer().link = 1;
    EXPECT_TRUE(network_offer_read_link(&page));
}

TEST_F(NetworkOffer, HasTheAddressOfOneInterface) {
    set_address({});
    expect_wrong("address", 0);
    set_address({0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    expect_wrong("address", 0xffffffffffff);
    set_address({3, 0, 0, 0, 0, 1});
    expect_wrong("address", 0x030000000001);
}

TEST_F(NetworkOffer, HasAnMtuThatThereIs) {
    for (const uint32_t mtu : {0U, 67U, 65536U, ~0U}) {
        offer().mtu = mtu;
        expect_wrong("mtu", mtu);
    }
    for (const uint32_t mtu : {68U, 65535U}) {
        offer().mtu = mtu;
        expect_right();
    }
}

TEST_F(NetworkOffer, HasStreamsThatHoldAPacket) {
    for (const uint32_t pages : {0U, 1U, 16U, 33U, 48U, 2048U, 0x80000000U, ~0U}) {
        offer().stream_pages = pages;
        expect_wrong("stream_pages", pages);
    }
    for (const uint32_t pages : {32U, 64U, 1024U}) {
        offer().stream_pages = pages;
        expect_right();
    }
}

TEST_F(NetworkOffer, SegmentsOnlyWithChecksums) {
    const std::pair<uint32_t, uint32_t> features[] = {{0, 0}, {1, 1}, {2, 0}, {3, 3}, {~0U, 3}, {~0U - 1, 0}};
    for (const auto &[offered, taken] : features) {
        page.features = offered;
        expect_right();
        EXPECT_EQ(traits.features, taken) << offered;
    }
}

TEST_F(NetworkOffer, AQueueHasThePagesOfItsStreams) {
    expect_right();
    ringfold_device_queue queue{};
    for (const uint32_t pages : {0U, 1U, 128U, 130U, ~0U, 0x80000081U}) {
        queue.pages = pages;
        EXPECT_FALSE(network_queue_is_right(&queue, &traits, &fault)) << pages;
        EXPECT_EQ(fault.value, pages);
    }
    queue.pages = 129;
    EXPECT_TRUE(network_queue_is_right(&queue, &traits, &fault));
}

}  // namespace
