// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/counts.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <iterator>
#include <set>

namespace ringfold {
namespace {

constexpr std::size_t last = std::size(ringfold_counters{}.hypercalls) - 1;

// Each word has a value of its own.
Counts numbered() {
    Counts counts;
    uint64_t value = 0;
    for (uint64_t &count : counts.hypercalls) {
        count = ++value;
    }
    for (const NamedCount &each : named_counts) {
        counts.*each.count = ++value;
    }
    return counts;
}

TEST(Counts, EachIsShownOnce) {
    Counts counts = numbered();
    ringfold_counters total{};
    add_to(total, counts);
    std::multiset<uint64_t> shown;
    uint64_t words[sizeof total / sizeof(uint64_t)];
    std::memcpy(words, &total, sizeof total);
    for (const uint64_t word : words) {
        if (word != 0) {
            shown.insert(word);
        }
    }
    std::multiset<uint64_t> expected;
    for (uint64_t value = 1; value <= sizeof(Counts) / sizeof(uint64_t); ++value) {
        expected.insert(value);
    }
    EXPECT_EQ(shown, expected);
}

TEST(Counts, AreShownByNumberAndName) {
    Counts counts;
    counts.hypercalls[RINGFOLD_HYPERCALL_EVENT_SEND] = 3;
    counts.hypercalls[Counts::unknown_number] = 4;
    counts.entries = 5;
    counts.grant_transfers = 6;
    ringfold_counters total{};
    add_to(total, counts);
    EXPECT_EQ(total.hypercalls[RINGFOLD_HYPERCALL_EVENT_SEND], 3u);
    EXPECT_EQ(total.hypercalls[last], 4u);
    EXPECT_EQ(total.hypercalls[Counts::unknown_number], 0u);
    EXPECT_EQ(total.entries, 5u);
    EXPECT_EQ(total.grant_transfers, 6u);
}

TEST(Counts, OfSeveralAreAdded) {
    Counts counts = numbered();
    Counts more;
    more.upcalls = 1000;
    ringfold_counters total{};
    add_to(total, counts);
    add_to(total, more);
    EXPECT_EQ(total.upcalls, counts.upcalls + 1000);
    EXPECT_EQ(total.hypercalls[0], 1u);
}

}  // namespace
}  // namespace ringfold
