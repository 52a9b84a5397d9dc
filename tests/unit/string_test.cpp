// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's own memcpy and friends, under other names beside the C library's, which are what they must do.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <numeric>

#define memcpy tested_memcpy
#define memmove tested_memmove
#define memset tested_memset
#define memcmp tested_memcmp
#define memchr tested_memchr
#define strlen tested_strlen
#include "hypervisor/lib/string.cpp"  // NOLINT(bugprone-suspicious-include)
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen

namespace ringfold {
namespace {

constexpr size_t room = 64;
using Bytes = std::array<uint8_t, room>;

Bytes counted() {
    Bytes bytes{};
    std::iota(bytes.begin(), bytes.end(), uint8_t{1});
    return bytes;
}

// Lengths with and without whole words, at places with and without alignment.
template <typename Try>
void at_all_places(Try attempt) {
    for (size_t from = 0; from < 12; ++from) {
        for (size_t to = 0; to < 12; ++to) {
            for (size_t size = 0; size <= 40; ++size) {
                attempt(from, to, size);
            }
        }
    }
}

TEST(StringTest, CopiesWhatItShould) {
    const Bytes source = counted();
    at_all_places([&](size_t from, size_t to, size_t size) {
        Bytes expected{};
        Bytes target{};
        std::memcpy(&expected[to], &source[from], size);
        EXPECT_EQ(tested_memcpy(&target[to], &source[from], size), &target[to]);
        EXPECT_EQ(target, expected) << size << " bytes from " << from << " to " << to;
    });
}

TEST(StringTest, MovesWhatOverlaps) {
    at_all_places([](size_t from, size_t to, size_t size) {
        Bytes expected = counted();
        Bytes moved = counted();
        std::memmove(&expected[to], &expected[from], size);
        EXPECT_EQ(tested_memmove(&moved[to], &moved[from], size), &moved[to]);
        EXPECT_EQ(moved, expected) << size << " bytes from " << from << " to " << to;
    });
}

TEST(StringTest, SetsTheLowByteOfItsValue) {
    at_all_places([](size_t value, size_t to, size_t size) {
        const int given = static_cast<int>(value * 37 + 0x100);
        Bytes expected = counted();
        Bytes set = counted();
        std::memset(&expected[to], given, size);
        EXPECT_EQ(tested_memset(&set[to], given, size), &set[to]);
        EXPECT_EQ(set, expected) << size << " bytes at " << to;
    });
}

TEST(StringTest, ComparesAndFinds) {
    const Bytes bytes = counted();
    Bytes other = bytes;
    EXPECT_EQ(tested_memcmp(bytes.data(), other.data(), room), 0);
    other[41] = 0xff;
    EXPECT_LT(tested_memcmp(bytes.data(), other.data(), room), 0);
    EXPECT_GT(tested_memcmp(other.data(), bytes.data(), room), 0);
    EXPECT_EQ(tested_memcmp(bytes.data(), other.data(), 41), 0);
    EXPECT_EQ(tested_memchr(other.data(), 0x1ff, room), &other[41]);
    EXPECT_EQ(tested_memchr(other.data(), 0xff, 41), nullptr);
    EXPECT_EQ(tested_strlen("ringfold"), 8U);
    EXPECT_EQ(tested_strlen(""), 0U);
}

}  // namespace
}  // namespace ringfold
