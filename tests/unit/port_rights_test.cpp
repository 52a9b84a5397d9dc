// SPDX-License-Identifier: Apache-2.0
//
// Which ports a domain that may use hardware may touch, against a list of every single port.
#include "hypervisor/platform/port_rights.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ringfold {
namespace {

const std::set<uint32_t> own{0x20,  0x21,  0xa0,  0xa1,  0x40,  0x41,  0x42,  0x43,
                             0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff};

TEST(PortRights, AnAccessMustMissEveryPortOfTheHypervisors) {
    for (const uint32_t width : {1U, 2U, 4U}) {
        for (uint32_t port = 0; port <= 0x1'0000 - width; ++port) {
            bool hits = false;
            for (uint32_t touched = port; touched < port + width; ++touched) {
                hits = hits || own.contains(touched);
            }
            const auto checked = check_port_access(port, width);
            ASSERT_EQ(checked.ok(), !hits) << port << " width " << width;
            if (hits) {
                ASSERT_EQ(checked.error(), Error::access_denied);
            } else {
                ASSERT_EQ(checked.value(), port);
            }
        }
        EXPECT_EQ(check_port_access(0x1'0001 - width, width).error(), Error::out_of_range);
        EXPECT_EQ(check_port_access(~0U, width).error(), Error::out_of_range);
    }
}

TEST(PortRights, OnlyTheWidthsThatProcessorsHave) {
    for (const uint32_t width : {0U, 3U, 5U, 8U, 0x1'0001U, ~0U}) {
        EXPECT_EQ(check_port_access(0x70, width).error(), Error::invalid_argument) << width;
    }
}

}  // namespace
}  // namespace ringfold
