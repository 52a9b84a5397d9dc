// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/symbol_table.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ringfold {
namespace {

constexpr std::array<uint64_t, 3> addresses{0x1000, 0x1010, 0x2000};
constexpr std::array<uint32_t, 3> offsets{0, 6, 10};
constexpr const char *names = "alpha\0bet\0gamma";

constexpr SymbolTable table{addresses, offsets, names};

TEST(SymbolTable, FindsTheLastSymbolAtOrBelow) {
    EXPECT_EQ(table.find(0x1000)->name, "alpha");
    EXPECT_EQ(table.find(0x100f)->name, "alpha");
    EXPECT_EQ(table.find(0x100f)->offset, 0xfu);
    EXPECT_EQ(table.find(0x1010)->name, "bet");
    EXPECT_EQ(table.find(0x1fff)->name, "bet");
    EXPECT_EQ(table.find(0x2abc)->name, "gamma");
    EXPECT_EQ(table.find(0x2abc)->offset, 0xabcu);
}

TEST(SymbolTable, NothingFarFromEverySymbol) {
    EXPECT_FALSE(table.find(0xfff).has_value());
    EXPECT_FALSE(table.find(0).has_value());
    EXPECT_TRUE(table.find(0x2000 + (16 << 20) - 1).has_value());
    EXPECT_FALSE(table.find(0x2000 + (16 << 20)).has_value());
    EXPECT_FALSE(table.find(~uint64_t{0}).has_value());
}

TEST(SymbolTable, AnEmptyTableKnowsNothing) { EXPECT_FALSE(SymbolTable({}, {}, "").find(0x1000).has_value()); }

}  // namespace
}  // namespace ringfold
