// SPDX-License-Identifier: Apache-2.0
//
// The trace's rings and branches.
#include "hypervisor/trace/trace.hpp"
#include "hypervisor/trace/branch.hpp"
#include "hypervisor/trace/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace ringfold::trace {
namespace {

class RingTest : public testing::Test {
  protected:
    explicit RingTest(unsigned frames = 2) : pages_(frames) {
        for (Ring::Page &page : pages_) {
            ring_.add(&page);
        }
        ring_.begin(7);
    }
    static ringfold_trace_record record(uint64_t number) {
        return {.tsc = number,
                .event = static_cast<uint32_t>(number),
                .domain = static_cast<uint16_t>(number),
                .vcpu = static_cast<uint16_t>(number),
                .argument = {number, number}};
    }
    static bool is(const ringfold_trace_record &found, uint64_t number) {
        const ringfold_trace_record wanted = record(number);
        return found.tsc == wanted.tsc && found.event == wanted.event && found.domain == wanted.domain &&
               found.vcpu == wanted.vcpu && found.argument[0] == number && found.argument[1] == number;
    }
    ringfold_trace_ring &header() { return reinterpret_cast<ringfold_trace_ring &>(pages_[0]); }
    const ringfold_trace_record &place(uint64_t number) {
        const uint64_t index = RINGFOLD_TRACE_HEADER_RECORDS + number % header().capacity;
        return pages_[index / RINGFOLD_TRACE_RECORDS_PER_FRAME][index % RINGFOLD_TRACE_RECORDS_PER_FRAME];
    }

    std::vector<Ring::Page> pages_;
    Ring ring_;
};

TEST_F(RingTest, HeaderSaysWhatThereIs) {
    EXPECT_EQ(header().written, 0U);
    EXPECT_EQ(header().capacity, 2U * RINGFOLD_TRACE_RECORDS_PER_FRAME - RINGFOLD_TRACE_HEADER_RECORDS);
    EXPECT_EQ(header().cpu, 7U);
}

TEST_F(RingTest, KeepsTheLastRecordsInOrder) {
    const uint64_t capacity = header().capacity;
    for (uint64_t number = 0; number < 3 * capacity + 5; ++number) {
        (void)ring_.write(record(number));
        ASSERT_EQ(header().written, number + 1);
        for (uint64_t kept = number - std::min(number, capacity - 1); kept <= number; ++kept) {
            ASSERT_TRUE(is(place(kept), kept)) << kept << " of " << number;
        }
    }
    EXPECT_EQ(ring_.overwritten(), 2 * capacity + 5);
}

TEST_F(RingTest, TellsOfEachHalf) {
    const uint64_t half = header().capacity / 2;
    for (uint64_t number = 1; number <= 6 * half; ++number) {
        EXPECT_EQ(ring_.write(record(number)), number % half == 0) << number;
    }
}

// The pages are a guest's.
TEST_F(RingTest, BelievesNothingThatStandsInThePages) {
    const uint64_t capacity = header().capacity;
    for (uint64_t number = 0; number < 3 * capacity; ++number) {
        header() = {.written = ~uint64_t{0} - number, .capacity = number % 3, .cpu = 0, .reserved = {}};
        (void)ring_.write(record(number));
        ASSERT_EQ(header().written, number + 1);
        header().capacity = capacity;
        ASSERT_TRUE(is(place(number), number));
    }
}

// A reader that follows the protocol of the header file never takes a torn record for a good one.
TEST_F(RingTest, ReaderSeesWholeRecordsOnly) {
    std::atomic<bool> is_over = false;
    std::thread writer{[&] {
        for (uint64_t number = 0; !is_over.load(std::memory_order_relaxed); ++number) {
            (void)ring_.write(record(number));
        }
    }};
    const uint64_t capacity = RINGFOLD_TRACE_RECORDS_PER_FRAME * pages_.size() - RINGFOLD_TRACE_HEADER_RECORDS;
    const auto load_written = [this] {
        return std::atomic_ref<uint64_t>(header().written).load(std::memory_order_acquire);
    };
    uint64_t good = 0;
    while (good < 10'000) {
        const uint64_t end = load_written();
        const uint64_t number = end > capacity / 2 ? end - capacity / 2 : 0;
        if (end == 0) {
            continue;
        }
        const ringfold_trace_record copy = place(number);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (number + capacity >= load_written() + 1) {
            ASSERT_TRUE(is(copy, number)) << number << " of " << end;
            ++good;
        }
    }
    is_over.store(true, std::memory_order_relaxed);
    writer.join();
}

TEST(TraceBranch, IsFiveBytesOfNopOrAJump) {
    const BranchBytes nop{0x0f, 0x1f, 0x44, 0x00, 0x00};
    EXPECT_EQ(encode_branch(0x1000, 0x2000, false), nop);
    EXPECT_EQ(encode_branch(0x1000, 0x1005, true), (BranchBytes{0xe9, 0, 0, 0, 0}));
    EXPECT_EQ(encode_branch(0x1000, 0x2004, true), (BranchBytes{0xe9, 0xff, 0x0f, 0, 0}));
    EXPECT_EQ(encode_branch(0xffff'8000'4000'1000, 0xffff'8000'4000'0f00, true),
              (BranchBytes{0xe9, 0xfb, 0xfe, 0xff, 0xff}));
}

TEST(TraceBranch, SiteIsFoundByDistances) {
    const std::array<BranchSite, 1> sites{BranchSite{.site = -16, .target = 32, .classes = 1}};
    const auto here = reinterpret_cast<uint64_t>(&sites[0]);
    EXPECT_EQ(sites[0].address(), here - 16);
    EXPECT_EQ(sites[0].target_address(), here + 4 + 32);
}

TEST(TraceBranch, IsTakenForItsClassesOnly) {
    branches_taken.store(static_cast<uint32_t>(Class::events), std::memory_order_relaxed);
    EXPECT_TRUE(is_on<Class::events>());
    EXPECT_FALSE(is_on<Class::grants>());
    EXPECT_TRUE((is_on<Class::grants, Class::events>()));
    branches_taken.store(0, std::memory_order_relaxed);
    EXPECT_FALSE((is_on<Class::grants, Class::events>()));
}

}  // namespace
}  // namespace ringfold::trace
