// SPDX-License-Identifier: Apache-2.0
//
// Records as Chrome's trace JSON. The clock of these tests ticks once in a microsecond, from 1000 on.
#include "dom0-tools/library/trace_export.hpp"
#include "dom0-tools/library/trace_reader.hpp"

#include <ringfold/base.h>
#include <ringfold/hypercall_numbers.h>
#include <ringfold/vcpu.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ringfold::tools {
namespace {

using nlohmann::json;

constexpr uint64_t nobody = ~uint64_t{0};
constexpr uint64_t web(uint64_t vcpu) { return uint64_t{2} << 16 | vcpu; }
constexpr uint64_t error(int64_t number) { return static_cast<uint64_t>(-number); }

class TraceExport : public testing::Test {
  protected:
    // In a vCPU of domain 2; 0: of nobody.
    void record(uint32_t cpu, uint64_t tsc, uint32_t event, uint64_t first, uint64_t second = 0, uint16_t domain = 2,
                uint16_t vcpu = 0) {
        const ringfold_trace_record one{1000 + tsc, event, domain, vcpu, {first, second}};
        recording.add(cpu, {&one, 1});
    }
    void call(uint32_t cpu, uint64_t tsc, uint64_t number, uint16_t vcpu = 0) {
        record(cpu, tsc, RINGFOLD_TRACE_HYPERCALL, number, 7, 2, vcpu);
    }
    void answer(uint32_t cpu, uint64_t tsc, uint64_t status = 0, uint16_t vcpu = 0) {
        record(cpu, tsc, RINGFOLD_TRACE_HYPERCALL_RETURN, status, 5, 2, vcpu);
    }

    json exported() {
        std::string text;
        const auto summary = write_chrome_trace(recording, [&](std::string_view piece) -> Outcome<void> {
            text += piece;
            return {};
        });
        EXPECT_TRUE(summary.ok());
        const json all = json::parse(text, nullptr, false);
        EXPECT_FALSE(all.is_discarded()) << text;
        return all.value("traceEvents", json::array());
    }
    // "begin+length process/thread name", in the order of the file; tracks by their names.
    std::vector<std::string> slices(const json &events) {
        std::vector<std::string> found;
        for (const json &event : events) {
            if (event.at("ph") == "X") {
                found.push_back(event.at("ts").dump() + "+" + event.at("dur").dump() + " " + track(events, event) +
                                " " + event.at("name").get<std::string>());
            }
        }
        return found;
    }
    static std::string track(const json &events, const json &event) {
        std::string process;
        std::string thread;
        for (const json &each : events) {
            if (each.at("ph") == "M" && each.at("pid") == event.at("pid")) {
                if (each.at("name") == "process_name") {
                    process = each.at("args").at("name").get<std::string>();
                } else if (each.at("name") == "thread_name" && each.at("tid") == event.at("tid")) {
                    thread = each.at("args").at("name").get<std::string>();
                }
            }
        }
        return process + "/" + thread;
    }
    static json instant(const json &events, const std::string &name) {
        for (const json &event : events) {
            if (event.at("ph") == "i" && event.at("name") == name) {
                return event;
            }
        }
        return {};
    }

    TraceRecording recording = [] {
        TraceRecording made(2, RINGFOLD_TRACE_CLASSES_ALL, 1000, {1000, 0});
        made.last = {2000, 1'000'000};
        made.name(1, "dom0");
        made.name(2, "web \"one\"");
        return made;
    }();
};

TEST_F(TraceExport, HypercallsAreSlicesOfVcpus) {
    recording.classes = 1;
    call(0, 10, RINGFOLD_HYPERCALL_YIELD);
    call(1, 11, RINGFOLD_HYPERCALL_VERSION, 1);
    answer(1, 13, error(RINGFOLD_EINVAL), 1);
    answer(0, 15);
    const json events = exported();
    EXPECT_EQ(slices(events),
              (std::vector<std::string>{"11.0+2.0 web \"one\"/vCPU 1 version", "10.0+5.0 web \"one\"/vCPU 0 yield"}));
    EXPECT_EQ(events[0].at("args"), (json{{"argument", "0x7"}, {"status", "EINVAL"}, {"value", "0x5"}}));
    EXPECT_EQ(events[1].at("args").at("status"), 0);
}

TEST_F(TraceExport, CallsOfAMulticallLieWithinIt) {
    recording.classes = 1;
    call(0, 10, RINGFOLD_HYPERCALL_MULTICALL);
    call(0, 11, RINGFOLD_HYPERCALL_YIELD);
    answer(0, 12);
    call(0, 13, 4711);
    answer(0, 14, error(RINGFOLD_ENOSYS));
    answer(0, 20);
    EXPECT_EQ(slices(exported()), (std::vector<std::string>{"11.0+1.0 web \"one\"/vCPU 0 yield",
                                                            "13.0+1.0 web \"one\"/vCPU 0 hypercall 0x1267",
                                                            "10.0+10.0 web \"one\"/vCPU 0 multicall"}));
}

TEST_F(TraceExport, WhatHasNoPartnerIsNoSlice) {
    recording.classes = 1;
    answer(0, 5);  // of a call before the trace
    call(0, 10, RINGFOLD_HYPERCALL_YIELD);
    call(0, 20, RINGFOLD_HYPERCALL_VERSION);  // so the other one has ended
    record(0, 25, trace_gap, 12, 0, 0);
    answer(0, 30);
    call(0, 40, RINGFOLD_HYPERCALL_VERSION);
    const json events = exported();
    EXPECT_TRUE(slices(events).empty());
    EXPECT_EQ(instant(events, "hypercall return").at("ts"), 5.0);
    EXPECT_EQ(instant(events, "yield").at("args").at("return"), "not recorded");
    EXPECT_EQ(instant(events, "version").at("ts"), 20.0);
    EXPECT_EQ(instant(events, "records are lost").at("args").at("records"), 12);
}

TEST_F(TraceExport, PhysicalCpusRunVcpus) {
    recording.classes = 1U << RINGFOLD_TRACE_CLASS_SCHEDULING;
    record(0, 100, RINGFOLD_TRACE_SWITCH, web(0), nobody);
    record(0, 200, RINGFOLD_TRACE_SWITCH, nobody, web(1), 0);
    record(1, 250, RINGFOLD_TRACE_STATE, web(0), RINGFOLD_VCPU_BLOCKED, 1, 0);
    record(0, 300, RINGFOLD_TRACE_SWITCH, web(1), web(0), 2, 1);
    const json events = exported();
    EXPECT_EQ(slices(events), (std::vector<std::string>{
                                  "0.0+100.0 physical CPUs/CPU 0 web \"one\" vCPU 0",
                                  "200.0+100.0 physical CPUs/CPU 0 web \"one\" vCPU 1",
                                  "300.0+700.0 physical CPUs/CPU 0 web \"one\" vCPU 0",
                                  "0.0+1000.0 physical CPUs/CPU 1 dom0 vCPU 0",
                              }));
    EXPECT_EQ(track(events, instant(events, "blocked")), "web \"one\"/vCPU 0");
}

TEST_F(TraceExport, WhoRanInAGapIsNotKnown) {
    recording.classes = 1U << RINGFOLD_TRACE_CLASS_SCHEDULING;
    record(0, 100, RINGFOLD_TRACE_SWITCH, nobody, web(0), 0);
    record(0, 150, RINGFOLD_TRACE_STATE, web(1), RINGFOLD_VCPU_RUNNABLE);
    record(0, 400, trace_gap, 3, 0, 0);
    record(0, 400, RINGFOLD_TRACE_SWITCH, web(1), nobody, 2, 1);
    record(0, 500, RINGFOLD_TRACE_SWITCH, nobody, web(1), 0);
    record(0, 600, RINGFOLD_TRACE_SWITCH, web(1), nobody, 2, 1);
    EXPECT_EQ(slices(exported()), (std::vector<std::string>{
                                      "100.0+50.0 physical CPUs/CPU 0 web \"one\" vCPU 0",
                                      "400.0+0.0 physical CPUs/CPU 0 web \"one\" vCPU 1",
                                      "500.0+100.0 physical CPUs/CPU 0 web \"one\" vCPU 1",
                                  }));
}

TEST_F(TraceExport, AVcpuMayReturnOnAnotherCpu) {
    recording.classes = 1;
    call(1, 10, RINGFOLD_HYPERCALL_YIELD);
    answer(0, 12);
    call(0, 14, RINGFOLD_HYPERCALL_YIELD);
    answer(1, 16);
    EXPECT_EQ(slices(exported()).size(), 2U);
}

TEST_F(TraceExport, OtherRecordsHaveTheirArgumentsByName) {
    recording.classes = RINGFOLD_TRACE_CLASSES_ALL & ~(1U << RINGFOLD_TRACE_CLASS_SCHEDULING);
    record(0, 1, RINGFOLD_TRACE_ENTRY, 14, 0xffffffff81000000);
    record(0, 2, RINGFOLD_TRACE_EVENT, web(3), 9, 1);
    record(0, 3, RINGFOLD_TRACE_GRANT_MAP, uint64_t{2} << 32 | 40, error(RINGFOLD_EPERM));
    record(0, 4, RINGFOLD_TRACE_GRANT_COPY, 4096, 0);
    record(0, 5, RINGFOLD_TRACE_MEMORY_BATCH, 8, 7);
    record(0, 6, RINGFOLD_TRACE_INTERRUPT, 0x31, 0);
    record(0, 7, 0x777, 1, 2);
    const json events = exported();
    EXPECT_EQ(instant(events, "entry #PF").at("args"), (json{{"vector", "#PF"}, {"rip", "0xffffffff81000000"}}));
    EXPECT_EQ(instant(events, "event").at("args"), (json{{"to", "web \"one\" vCPU 3"}, {"port", 9}}));
    EXPECT_EQ(track(events, instant(events, "event")), "dom0/vCPU 0");
    EXPECT_EQ(instant(events, "grant map").at("args"), (json{{"grant", "d2 40"}, {"handle", "EPERM"}}));
    EXPECT_EQ(instant(events, "grant copy").at("args"), (json{{"bytes", 4096}, {"status", 0}}));
    EXPECT_EQ(instant(events, "page-table batch").at("args"), (json{{"operations", 8}, {"done", 7}}));
    EXPECT_EQ(track(events, instant(events, "interrupt 0x31")), "physical CPUs/CPU 0");
    EXPECT_EQ(instant(events, "unknown event").at("args"), (json{{"first", "0x1"}, {"second", "0x2"}}));
    EXPECT_EQ(instant(events, "grant copy").at("cat"), "grants");
}

TEST_F(TraceExport, SaysWhenItCannotBeWritten) {
    call(0, 1, RINGFOLD_HYPERCALL_YIELD);
    EXPECT_NE(write_chrome_trace(recording, std::filesystem::path("/does/not/exist"))
                  .error()
                  .text.find("/does/not/exist: No such file"),
              std::string::npos);
    EXPECT_NE(write_chrome_trace(recording, std::filesystem::path("/dev/full")).error().text.find("No space left"),
              std::string::npos);
}

}  // namespace
}  // namespace ringfold::tools
