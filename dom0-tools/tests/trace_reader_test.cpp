// SPDX-License-Identifier: Apache-2.0
//
// Rings that the hypervisor's own code writes, as the tools read them; and what they keep of it.
#include "dom0-tools/library/trace_reader.hpp"
#include "dom0-tools/library/trace_recording.hpp"
#include "dom0-tools/library/trace_text.hpp"
#include "hypervisor/trace/ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace ringfold::tools {
namespace {

using Records = std::vector<ringfold_trace_record>;

ringfold_trace_record numbered(uint64_t number) {
    return {number + 1, static_cast<uint32_t>(number), 1, 2, {number, ~number}};
}

class TraceReaderTest : public testing::Test {
  protected:
    TraceReaderTest() {
        for (trace::Ring::Page &page : pages) {
            ring.add(&page);
        }
        ring.begin(0);
    }

    void write(uint64_t count) {
        for (const uint64_t end = written + count; written < end; ++written) {
            (void)ring.write(numbered(written));
        }
    }
    Records read() {
        Records records;
        reader.read(records);
        return records;
    }
    // Without a gap, from `first` to `end`.
    static void expect_numbers(std::span<const ringfold_trace_record> records, uint64_t first, uint64_t end) {
        ASSERT_EQ(records.size(), end - first);
        for (const ringfold_trace_record &record : records) {
            EXPECT_EQ(record.tsc, first + 1);
            EXPECT_EQ(record.argument[0], first);
            EXPECT_EQ(record.argument[1], ~first);
            ++first;
        }
    }

    static constexpr uint64_t capacity = 2 * RINGFOLD_TRACE_RECORDS_PER_FRAME - RINGFOLD_TRACE_HEADER_RECORDS;
    std::vector<trace::Ring::Page> pages = std::vector<trace::Ring::Page>(2);
    trace::Ring ring;
    TraceReader reader{std::as_bytes(std::span{pages})};
    uint64_t written = 0;
};

TEST_F(TraceReaderTest, ReadsWhatIsNewAndNothingTwice) {
    EXPECT_TRUE(read().empty());
    write(3);
    expect_numbers(read(), 0, 3);
    EXPECT_TRUE(read().empty());
    write(1);
    expect_numbers(read(), 3, 4);
    EXPECT_EQ(reader.lost(), 0U);
}

TEST_F(TraceReaderTest, GoesRoundAndRound) {
    for (uint64_t round = 0; round < 20; ++round) {
        write(capacity - 1);
        expect_numbers(read(), round * (capacity - 1), (round + 1) * (capacity - 1));
    }
    EXPECT_EQ(reader.lost(), 0U);
}

TEST_F(TraceReaderTest, WhatWasOverwrittenIsCountedAndItsPlaceSaid) {
    write(10);
    expect_numbers(read(), 0, 10);
    write(2 * capacity);
    const Records records = read();
    // In the place of the oldest one the hypervisor may be at writing.
    const uint64_t first = 10 + capacity + 1;
    EXPECT_EQ(records.front().event, trace_gap);
    EXPECT_EQ(records.front().argument[0], first - 10);
    EXPECT_EQ(records.front().tsc, first + 1);
    expect_numbers(std::span{records}.subspan(1), first, 10 + 2 * capacity);
    EXPECT_EQ(reader.lost(), first - 10);
    write(1);
    expect_numbers(read(), 10 + 2 * capacity, 11 + 2 * capacity);
}

TEST(FirstWholeRecord, IsBehindTheOneThatMayBeWritten) {
    EXPECT_EQ(first_whole_record(0, 254), 0U);
    EXPECT_EQ(first_whole_record(253, 254), 0U);
    EXPECT_EQ(first_whole_record(254, 254), 1U);
    EXPECT_EQ(first_whole_record(1000, 254), 747U);
}

TEST_F(TraceReaderTest, NoRecordIsTornWhileTheHypervisorWrites) {
    constexpr uint64_t all = 200'000;
    std::thread writer([this] { write(all); });
    uint64_t next = 0;
    uint64_t told = 0;
    const auto check = [&](const Records &records) {
        for (const ringfold_trace_record &record : records) {
            if (record.event == trace_gap) {
                next += record.argument[0];
                told += record.argument[0];
            } else {
                ASSERT_EQ(record.argument[0], next);
                ASSERT_EQ(record.argument[1], ~next);
                ASSERT_EQ(record.tsc, ++next);
            }
        }
    };
    while (next < all / 2 && !HasFatalFailure()) {
        check(read());
    }
    writer.join();
    check(read());
    EXPECT_EQ(next, all);
    EXPECT_EQ(told, reader.lost());
}

TEST(TraceRecordingTest, KeepsTheNewestOfAllCpus) {
    TraceRecording recording(2, RINGFOLD_TRACE_CLASSES_ALL, 3, {});
    recording.add(0, Records{numbered(10), numbered(30), numbered(50)});
    recording.add(1, Records{numbered(20), numbered(40)});
    EXPECT_EQ(recording.size, 3U);
    EXPECT_EQ(recording.dropped, 2U);
    ASSERT_EQ(recording.cpus[0].size(), 2U);
    EXPECT_EQ(recording.cpus[0].front().tsc, 31U);
    ASSERT_EQ(recording.cpus[1].size(), 1U);
    EXPECT_EQ(recording.cpus[1].front().tsc, 41U);
}

TEST(TraceRecordingTest, ANumberThatIsUsedAgainHasBothNames) {
    TraceRecording recording(1, RINGFOLD_TRACE_CLASSES_ALL, 3, {});
    recording.name(2, "web");
    recording.name(2, "web");
    recording.name(2, "mail");
    EXPECT_EQ(recording.name_of(2), "web, mail");
    EXPECT_EQ(recording.name_of(3), "d3");
}

TEST(TraceClockTest, TicksAreTimeByTwoMoments) {
    const TraceClock clock({1000, 5'000'000}, {4000, 6'000'000});  // 3 ticks in 1 us
    EXPECT_EQ(clock.nanoseconds(1000), 0U);
    EXPECT_EQ(clock.nanoseconds(2500), 500'000U);
    EXPECT_EQ(clock.nanoseconds(999), 0U);
    EXPECT_EQ(TraceClock({7, 7}, {7, 7}).nanoseconds(10), 3U);  // not yet known
}

TEST(TraceText, ClassesHaveNames) {
    EXPECT_EQ(parse_trace_classes("all").value(), RINGFOLD_TRACE_CLASSES_ALL);
    EXPECT_EQ(parse_trace_classes("scheduling,hypercalls").value(), 0b101U);
    EXPECT_EQ(trace_class_names(0b101), (std::vector<std::string_view>{"hypercalls", "scheduling"}));
    const Failure failure = parse_trace_classes("hypercalls,schedulign").error();
    EXPECT_EQ(failure.kind, Kind::usage);
    EXPECT_EQ(failure.text, "there is no class \"schedulign\" of the trace; did you mean \"scheduling\"?");
    EXPECT_EQ(parse_trace_classes("").error().kind, Kind::usage);
    EXPECT_EQ(parse_trace_classes("events,").error().kind, Kind::usage);
}

}  // namespace
}  // namespace ringfold::tools
