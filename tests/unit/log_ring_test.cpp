// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/log_ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ringfold {
namespace {

template <std::size_t N>
std::string all_of(const LogRing<N> &ring, uint64_t &position, std::size_t chunk = 3) {
    std::string text;
    std::array<char, N> buffer;
    while (const std::size_t read = ring.read(position, std::span(buffer).first(chunk))) {
        text.append(buffer.data(), read);
    }
    return text;
}

TEST(LogRing, KeepsEverythingUntilItIsFull) {
    LogRing<16> ring;
    ring.write("one\ntwo\n");
    uint64_t position = 0;
    EXPECT_EQ(all_of(ring, position), "one\ntwo\n");
    EXPECT_EQ(position, 8u);
    ring.write("more\n");
    EXPECT_EQ(all_of(ring, position), "more\n");
    EXPECT_EQ(all_of(ring, position), "");
}

TEST(LogRing, ForgetsWholeLines) {
    LogRing<16> ring;
    ring.write("first line\nsecond\nthird\n");  // 24 bytes: the first 8 are gone, and with them the first line
    uint64_t position = 0;
    EXPECT_EQ(all_of(ring, position), "second\nthird\n");
}

TEST(LogRing, AnEndlessLineIsShownFromTheOldestByte) {
    LogRing<8> ring;
    ring.write("0123456789");
    uint64_t position = 0;
    EXPECT_EQ(all_of(ring, position), "23456789");
}

TEST(LogRing, ALateReaderIsMovedUp) {
    LogRing<8> ring;
    ring.write("a\nb\nc\n");
    uint64_t position = 2;
    ring.write("defg\nh\n");
    EXPECT_EQ(all_of(ring, position), "defg\nh\n");  // 8 bytes are left: the end of "c", then whole lines
    EXPECT_EQ(position, ring.end());
}

}  // namespace
}  // namespace ringfold
