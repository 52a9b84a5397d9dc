// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/lib/format.hpp"
#include "hypervisor/lib/format_units.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

namespace ringfold {
namespace {

template <typename... Args>
std::string formatted(FormatString<Args...> format, const Args &...args) {
    std::array<char, 256> storage;
    FormatBuffer buffer{storage};
    format_to<Args...>(buffer, format, args...);
    EXPECT_FALSE(buffer.truncated());
    return std::string{buffer.view()};
}

TEST(Format, PlainValues) {
    EXPECT_EQ(formatted("nothing"), "nothing");
    EXPECT_EQ(formatted("{} {}", 1, -2), "1 -2");
    EXPECT_EQ(formatted("{}{}", 'a', true), "atrue");
    EXPECT_EQ(formatted("{}", "literal"), "literal");
    EXPECT_EQ(formatted("{}", std::string_view{"view"}), "view");
    const char *const null = nullptr;
    EXPECT_EQ(formatted("{}", null), "(null)");
    EXPECT_EQ(formatted("{{{}}}", 7), "{7}");
}

TEST(Format, ExtremesOfIntegers) {
    EXPECT_EQ(formatted("{}", std::numeric_limits<uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(formatted("{}", std::numeric_limits<int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(formatted("{}", std::numeric_limits<int8_t>::min()), "-128");
    EXPECT_EQ(formatted("{:x}", std::numeric_limits<uint64_t>::max()), "ffffffffffffffff");
    EXPECT_EQ(formatted("{}", 0), "0");
}

TEST(Format, NumberSpecifications) {
    EXPECT_EQ(formatted("{:x} {:#x} {:#x}", 255, 255, 0), "ff 0xff 0x0");
    EXPECT_EQ(formatted("{:016x}", 0xabc), "0000000000000abc");
    EXPECT_EQ(formatted("{:#010x}", 0xabc), "0x00000abc");
    EXPECT_EQ(formatted("{:4}|{:<4}|{:>4}", 7, 7, 7), "   7|7   |   7");
    EXPECT_EQ(formatted("{:04}", -7), "-007");
    EXPECT_EQ(formatted("{:2}", 12345), "12345");
}

TEST(Format, TextSpecifications) {
    EXPECT_EQ(formatted("{:5}|{:<5}|{:>5}", "ab", "ab", "ab"), "ab   |ab   |   ab");
    EXPECT_EQ(formatted("{:1}", "longer"), "longer");
}

TEST(Format, StrongTypes) {
    EXPECT_EQ(formatted("{}", MachineFrame{0x200}), "0x200");
    EXPECT_EQ(formatted("{:08x}", MachineFrame{0x200}), "00000200");
    EXPECT_EQ(formatted("{}", GuestAddress{0xffff'8000'0000'0000}), "0xffff800000000000");
    EXPECT_EQ(formatted("{} {} {}", DomainId{3}, FrameCount{17}, Order{9}), "3 17 9");
    EXPECT_EQ(formatted("{}", Error::out_of_memory), "out of memory");
}

TEST(Format, Pointers) {
    const auto *const pointer = reinterpret_cast<const void *>(uintptr_t{0x1234});
    EXPECT_EQ(formatted("{}", pointer), "0x0000000000001234");
}

TEST(Format, WhatDoesNotFitIsCutOffAndRemembered) {
    std::array<char, 8> storage;
    storage.fill('#');
    FormatBuffer buffer{std::span(storage).first(4)};
    format_to(buffer, "{}", 123456);
    EXPECT_EQ(buffer.view(), "1234");
    EXPECT_TRUE(buffer.truncated());
    EXPECT_EQ(storage[4], '#');
}

TEST(Format, SpecificationsThatDoNotParse) {
    EXPECT_TRUE(parse_format_spec("}").valid);
    EXPECT_TRUE(parse_format_spec(":<#064x}").valid);
    for (const char *text : {"", ":", ":y}", ":65}", ":99999999999}", ":xd}", "x}", ":<<}", ": }"}) {
        EXPECT_FALSE(parse_format_spec(text).valid) << text;
    }
}

}  // namespace
}  // namespace ringfold
