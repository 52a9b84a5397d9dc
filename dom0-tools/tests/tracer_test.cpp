// SPDX-License-Identifier: Apache-2.0
//
// The trace as hvd makes it: commands, names, who else traces.
#include "dom0-tools/tests/supervisor_world.hpp"

#include <ringfold/base.h>
#include <ringfold/event.h>
#include <ringfold/hypercall_numbers.h>
#include <ringfold/trace.h>

namespace ringfold::tools {
namespace {

class TracerTest : public SupervisorWorld {
  protected:
    // A hypercall of a vCPU on a CPU.
    void call(uint32_t cpu, uint16_t domain) {
        for (const uint32_t event : {RINGFOLD_TRACE_HYPERCALL, RINGFOLD_TRACE_HYPERCALL_RETURN}) {
            now += 1000;
            const bool begins = event == RINGFOLD_TRACE_HYPERCALL;
            fake.trace(cpu, {3 * now, event, domain, 0, {begins ? uint64_t{RINGFOLD_HYPERCALL_YIELD} : 0, 0}});
        }
    }
    nlohmann::json exported() {
        const std::filesystem::path path = directory.path() / "trace.json";
        const auto answer = ask("trace-export", {{"path", path.string()}});
        EXPECT_TRUE(answer.ok()) << answer.error().text;
        std::ifstream file(path);
        return nlohmann::json::parse(file, nullptr, false);
    }
    static uint64_t number(const Outcome<nlohmann::json> &answer, const char *key) {
        return answer.ok() ? answer.value().at(key).get<uint64_t>() : ~uint64_t{0};
    }
};

TEST_F(TracerTest, BeginsEndsAndKeepsWhatWasRecorded) {
    ASSERT_TRUE(create(config()).ok());
    const auto begun = ask("trace-start", {{"classes", "hypercalls,events"}});
    ASSERT_TRUE(begun.ok()) << begun.error().text;
    EXPECT_EQ(fake.traced.classes, 0b1001U);
    EXPECT_TRUE(fake.bound.contains(RINGFOLD_VIRTUAL_IRQ_TRACE));
    call(0, id_of("web"));
    call(1, 1);
    const auto status = ask("trace-status").take();
    EXPECT_EQ(status.at("tracing"), true);
    EXPECT_EQ(status.at("by"), "dom0");
    EXPECT_EQ(status.at("classes"), (nlohmann::json{"hypercalls", "events"}));
    EXPECT_EQ(status.at("records"), 4);
    call(0, 1);
    ASSERT_TRUE(ask("trace-stop").ok());
    EXPECT_EQ(fake.traced.domain, 0U);
    call(0, 1);
    const auto after = ask("trace-status").take();
    EXPECT_EQ(after.at("tracing"), false);
    EXPECT_TRUE(after.at("by").is_null());
    EXPECT_EQ(after.at("records"), 6);
    EXPECT_EQ(after.at("lost"), 0);
    ASSERT_TRUE(ask("trace-start").ok());
    EXPECT_EQ(number(ask("trace-status"), "records"), 0U);
    EXPECT_TRUE(noted("trace-started"));
    EXPECT_TRUE(noted("trace-stopped"));
}

TEST_F(TracerTest, TheExportHasTheNamesOfGuests) {
    ASSERT_TRUE(create(config("early")).ok());
    const uint16_t early = id_of("early");
    ASSERT_TRUE(ask("trace-start").ok());
    ASSERT_TRUE(create(config("late")).ok());
    call(0, early);
    call(1, id_of("late"));
    ASSERT_TRUE(ask("destroy", {{"domain", "early"}}).ok());
    const std::string text = exported().dump();
    EXPECT_NE(text.find("\"early\""), std::string::npos);
    EXPECT_NE(text.find("\"late\""), std::string::npos);
    EXPECT_TRUE(supervisor->tracer().runs());  // it was only looked at
    ASSERT_TRUE(ask("trace-stop").ok());
    EXPECT_EQ(exported().at("otherData").at("records"), 4);
}

TEST_F(TracerTest, RingsAreReadWhenTheyFillUpAndNowAndThen) {
    ASSERT_TRUE(ask("trace-start").ok());
    for (unsigned round = 0; round < 100; ++round) {
        for (unsigned number = 0; number < 100; ++number) {
            call(0, 1);
        }
        deliver();
    }
    call(1, 1);
    supervisor->retry();
    EXPECT_EQ(supervisor->tracer().recording()->size, 20'002U);
    EXPECT_EQ(supervisor->tracer().recording()->lost, 0U);
}

TEST_F(TracerTest, WhatIsTooMuchIsSaid) {
    ASSERT_TRUE(ask("trace-start", {{"records", 100}}).ok());
    for (unsigned number = 0; number < 2000; ++number) {
        call(0, 1);
    }
    ASSERT_TRUE(ask("trace-stop").ok());
    const auto status = ask("trace-status");
    EXPECT_EQ(number(status, "records"), 100U);
    EXPECT_GT(number(status, "lost"), 1900U);
    EXPECT_GT(number(status, "dropped"), 1900U);
}

TEST_F(TracerTest, RefusesWhatCannotBe) {
    EXPECT_EQ(ask("trace-stop").error().kind, Kind::busy);
    EXPECT_EQ(ask("trace-export", {{"path", "/tmp/x"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("trace-start", {{"classes", "hypercals"}}).error().text,
              "there is no class \"hypercals\" of the trace; did you mean \"hypercalls\"?");
    EXPECT_EQ(ask("trace-start", {{"records", 0}}).error().kind, Kind::usage);
    EXPECT_EQ(ask("trace-start", {{"records", 1 << 30}}).error().kind, Kind::usage);
    EXPECT_FALSE(supervisor->tracer().runs());
    ASSERT_TRUE(ask("trace-start").ok());
    EXPECT_EQ(ask("trace-start").error().text, "hvd traces already; hvctl trace stop ends that");
    EXPECT_EQ(ask("trace-export", {{"path", "/tmp/x"}}).error().text, "nothing of the traced classes has happened");
    call(0, 1);
    EXPECT_NE(ask("trace-export", {{"path", "/does/not/exist"}}).error().text.find("No such file"), std::string::npos);
    fake.has_trace_memory = false;
    ASSERT_TRUE(ask("trace-stop").ok());
    EXPECT_EQ(ask("trace-start").error().kind, Kind::unsupported);
    EXPECT_EQ(number(ask("trace-status"), "records"), 2U);  // what was there stays
}

TEST_F(TracerTest, SaysWhoElseTraces) {
    ASSERT_TRUE(create(config()).ok());
    fake.traced.domain = 1;
    fake.traced.classes = 1;
    EXPECT_EQ(ask("trace-start").error().text, "another program of this domain traces already (hypercalls)");
    fake.traced.domain = id_of("web");
    const Failure failure = ask("trace-start").error();
    EXPECT_EQ(failure.kind, Kind::busy);
    EXPECT_EQ(failure.text, "web traces already (hypercalls), and only one domain can");
    EXPECT_EQ(ask("trace-status").take().at("by"), "web");
}

}  // namespace
}  // namespace ringfold::tools
