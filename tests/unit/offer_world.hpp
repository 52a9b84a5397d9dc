// SPDX-License-Identifier: Apache-2.0
//
// A device page whose offer is read by `read`, of split-drivers/*_offer.h.
#pragma once

#include "split-drivers/offer_fault.h"

#include <ringfold/device.h>

#include <gtest/gtest.h>

#include <cstring>

template <typename Offer, typename Traits, bool (*read)(const ringfold_device_page *, Traits *, offer_fault *)>
struct OfferWorld : testing::Test {
    Offer &offer() { return *reinterpret_cast<Offer *>(page.kind); }

    void expect_right() { EXPECT_TRUE(read(&page, &traits, &fault)) << fault.field << " " << fault.value; }

    void expect_wrong(const char *field, uint64_t value) {
        const Traits before = traits;
        ASSERT_FALSE(read(&page, &traits, &fault)) << field << " " << value;
        EXPECT_STREQ(fault.field, field);
        EXPECT_EQ(fault.value, value);
        EXPECT_NE(fault.expected, nullptr);
        EXPECT_EQ(std::memcmp(&before, &traits, sizeof traits), 0) << "nothing of it is taken up";
    }

    ringfold_device_page page{};
    Traits traits{};
    offer_fault fault{};
};
