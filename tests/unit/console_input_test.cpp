// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/console/escape.hpp"
#include "hypervisor/console/focus.hpp"
#include "hypervisor/console/input_buffer.hpp"
#include "hypervisor/lib/result.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ringfold {
namespace {

std::string take(InputBuffer &buffer, std::size_t most) {
    std::string text(most, '?');
    text.resize(buffer.take(text));
    return text;
}

TEST(InputBuffer, GivesBackWhatWasPutInOrder) {
    InputBuffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.put(std::string{"abc"}), 3u);
    EXPECT_EQ(take(buffer, 2), "ab");
    EXPECT_EQ(buffer.put(std::string{"de"}), 2u);
    EXPECT_EQ(take(buffer, 10), "cde");
    EXPECT_EQ(take(buffer, 10), "");
    EXPECT_EQ(buffer.lost(), 0u);
}

TEST(InputBuffer, KeepsTheOldestAndCountsTheRest) {
    InputBuffer buffer;
    const std::string much(InputBuffer::capacity - 1, 'x');
    EXPECT_EQ(buffer.put(much), much.size());
    buffer.put_or_lose(std::string{"abc"});
    EXPECT_EQ(buffer.lost(), 2u);
    EXPECT_EQ(buffer.put(std::string{"d"}), 0u);  // a source that can wait loses nothing
    EXPECT_EQ(buffer.lost(), 2u);
    EXPECT_EQ(take(buffer, 2 * InputBuffer::capacity), much + "a");
    EXPECT_EQ(buffer.room(), InputBuffer::capacity);
}

TEST(InputBuffer, WrapsManyTimes) {
    InputBuffer buffer;
    std::string expected;
    for (unsigned round = 0; round < 3 * InputBuffer::capacity; ++round) {
        const std::string two{static_cast<char>(round), static_cast<char>(round >> 3)};
        ASSERT_EQ(buffer.put(two), 2u);
        ASSERT_EQ(take(buffer, 2), two);
    }
}

// What comes out for the reader; '|' stands for an escape.
std::string through(EscapeDetector &detector, const std::string &typed) {
    std::string text;
    for (const char c : typed) {
        const EscapeDetector::Step step = detector.put(c);
        text += step.text;
        text += step.escaped ? "|" : "";
    }
    return text;
}

TEST(EscapeDetector, LetsEverythingElseThrough) {
    EscapeDetector detector;
    EXPECT_EQ(through(detector, "abc\r\x02"), "abc\r\x02");
}

TEST(EscapeDetector, HoldsBackUntilItIsClear) {
    EscapeDetector detector;
    EXPECT_EQ(through(detector, "a\x01"), "a");
    EXPECT_EQ(through(detector, "\x01"), "");
    EXPECT_EQ(through(detector, "b"),
              "\x01\x01"
              "b");
}

TEST(EscapeDetector, FindsEachEscape) {
    EscapeDetector detector;
    EXPECT_EQ(through(detector, "x\x01\x01\x01y\x01\x01\x01\x01\x01\x01z"), "x|y||z");
    EXPECT_EQ(through(detector, "\x01\x01\x01\x01z"), "|\x01z");
}

TEST(Focus, GoesRound) {
    const std::set<uint16_t> domains{1, 3, 7};
    const auto next = [&](DomainId first) -> Result<DomainId> {
        const auto found = domains.lower_bound(first.raw());
        return found == domains.end() ? Result<DomainId>{Error::not_found} : Result<DomainId>{DomainId{*found}};
    };
    const DomainId one{1};
    EXPECT_EQ(focus::after(one, next), focus::hypervisor);
    EXPECT_EQ(focus::after(focus::hypervisor, next), DomainId{3});
    EXPECT_EQ(focus::after(DomainId{3}, next), DomainId{7});
    EXPECT_EQ(focus::after(DomainId{5}, next), DomainId{7});  // one that is gone
    EXPECT_EQ(focus::after(DomainId{7}, next), one);
}

TEST(Focus, AlwaysComesBackToTheControlDomain) {
    const auto nobody = [](DomainId) -> Result<DomainId> { return Error::not_found; };
    EXPECT_EQ(focus::after(focus::hypervisor, nobody), DomainId{1});
    EXPECT_EQ(focus::after(DomainId{1}, nobody), focus::hypervisor);
}

}  // namespace
}  // namespace ringfold
