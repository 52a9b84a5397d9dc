// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/command_line.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "random_seed.hpp"

namespace ringfold {
namespace {

TEST(CommandLine, KeysAndValues) {
    const CommandLine line{"  quiet loglevel=debug\ttitle=\"a b=c\" empty= exit_port=0x501 "};
    EXPECT_TRUE(line.has("quiet"));
    EXPECT_FALSE(line.value("quiet").has_value());
    EXPECT_EQ(line.value("loglevel"), "debug");
    EXPECT_EQ(line.value("title"), "a b=c");
    EXPECT_EQ(line.value("empty"), "");
    EXPECT_EQ(line.number("exit_port").value(), 0x501u);
    EXPECT_FALSE(line.has("log"));
    EXPECT_FALSE(line.has("b"));
    EXPECT_FALSE(CommandLine{}.has("quiet"));
}

TEST(CommandLine, TheFirstOfAKeyCounts) { EXPECT_EQ(CommandLine{"a=1 a=2"}.value("a"), "1"); }

TEST(CommandLine, AnOpenQuoteEndsWithTheText) {
    EXPECT_EQ(CommandLine{"a=\"b c"}.value("a"), "b c");
    EXPECT_EQ(CommandLine{"a=\""}.value("a"), "");
}

TEST(CommandLine, NumbersAndTheirLimits) {
    const CommandLine line{"a=10 b=0x10 c=-1 d= e f=65536 g=18446744073709551615 h=18446744073709551616 i=0x i2=1x"};
    EXPECT_EQ(line.number("a").value(), 10u);
    EXPECT_EQ(line.number("b").value(), 16u);
    EXPECT_EQ(line.number("c").error(), Error::malformed);
    EXPECT_EQ(line.number("d").error(), Error::malformed);
    EXPECT_EQ(line.number("e").error(), Error::not_found);
    EXPECT_EQ(line.number("absent").error(), Error::not_found);
    EXPECT_EQ(line.number("f", 0xffff).error(), Error::out_of_range);
    EXPECT_EQ(line.number("g").value(), std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(line.number("h").error(), Error::out_of_range);
    EXPECT_EQ(line.number("i").error(), Error::malformed);
    EXPECT_EQ(line.number("i2").error(), Error::malformed);
    EXPECT_EQ(parse_number("0xFfFf").value(), 0xffffu);
    EXPECT_EQ(parse_number("0x10000000000000000").error(), Error::out_of_range);
}

// Whatever the bytes are: every word is found, in order, and the end is reached.
TEST(CommandLine, RandomTextIsConsumedExactlyOnce) {
    std::mt19937_64 random{test::random_seed()};
    constexpr std::string_view alphabet = "ab=\" \t1x";
    for (int round = 0; round < 5000; ++round) {
        std::string text(random() % 40, ' ');
        for (char &c : text) {
            c = alphabet[random() % alphabet.size()];
        }
        std::string_view rest = text;
        std::size_t before = rest.size() + 1;
        while (const auto option = next_option(rest)) {
            ASSERT_LT(rest.size(), before);  // progress
            before = rest.size();
            ASSERT_TRUE(option->has_value || option->value.empty());
            ASSERT_EQ(option->key.find('='), std::string_view::npos);
        }
        ASSERT_TRUE(rest.empty());
    }
}

}  // namespace
}  // namespace ringfold
