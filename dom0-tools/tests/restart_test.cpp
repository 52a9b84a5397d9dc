// SPDX-License-Identifier: Apache-2.0
//
// hvd is killed at any moment and started again: no domain, console or log is lost, and nothing half done stays.
#include "dom0-tools/tests/supervisor_world.hpp"

#include <ringfold/hypercall_numbers.h>

#include <cstring>

namespace ringfold::tools {
namespace {

using RestartTest = SupervisorWorld;

TEST_F(RestartTest, GuestsConsolesAndLogsGoOn) {
    fake.write_log("boot\n");
    ASSERT_TRUE(create(config(), true).ok());
    const uint16_t id = id_of("web");
    fake.write_console(id, "before ");
    deliver();
    fake.write_console(id, "unread ");
    kill();
    fake.write_console(id, "while it was away ");
    fake.write_log("more\n");
    start();
    ASSERT_TRUE(supervisor->find("web").ok());
    EXPECT_EQ(id_of("web"), id);
    EXPECT_TRUE(supervisor->find("web").value()->paused);
    fake.write_console(id, "after");
    deliver();
    EXPECT_EQ(console("web"), "before unread while it was away after");
    const auto log = watch_log(*supervisor, {});
    EXPECT_EQ(log->pull(), "boot\nmore\n");
    EXPECT_EQ(supervisor->find("web").value()->frames.size(), 4096U);
}

TEST_F(RestartTest, AnEndThatNobodySawIsActedOn) {
    ASSERT_TRUE(create(config()).ok());
    ASSERT_TRUE(create(config("rebooting")).ok());
    const uint16_t web = id_of("web");
    const uint16_t rebooting = id_of("rebooting");
    kill();
    fake.end(web, RINGFOLD_SHUTDOWN_POWER_OFF);
    fake.end(rebooting, RINGFOLD_SHUTDOWN_REBOOT);
    start();
    EXPECT_FALSE(supervisor->find("web").ok());
    ASSERT_TRUE(supervisor->find("rebooting").ok());
    EXPECT_EQ(supervisor->find("rebooting").value()->life, 2U);
    EXPECT_EQ(fake.domains.size(), 2U);
}

TEST_F(RestartTest, ADomainThatWasBeingBuiltIsRemoved) {
    const std::size_t free_before = fake.free_machine_frames.size();
    hold_asides = true;
    (void)create(config()).ok();
    ASSERT_EQ(waiting_asides.size(), 1U);
    // Killed in the middle: the domain is there, hvd does not know it.
    const auto built = build_from_files(supervisor->hypervisor(), config());
    ASSERT_TRUE(built.ok());
    kill();
    hold_asides = false;
    start();
    EXPECT_EQ(fake.domains.size(), 1U);
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
    EXPECT_EQ(ask("list").take().size(), 1U);
    EXPECT_TRUE(create(config()).ok());
}

TEST_F(RestartTest, ARebootIsFinished) {
    ASSERT_TRUE(create(config()).ok());
    hold_asides = true;
    fake.end(id_of("web"), RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    ASSERT_EQ(waiting_asides.size(), 1U);
    EXPECT_EQ(fake.domains.size(), 1U);  // destroyed, not yet built again
    kill();
    hold_asides = false;
    start();
    ASSERT_TRUE(supervisor->find("web").ok());
    EXPECT_EQ(supervisor->find("web").value()->phase, Phase::running);
    EXPECT_EQ(fake.domains.size(), 2U);
}

TEST_F(RestartTest, KilledAtEachHypercallOfACreateNothingIsLeftHalfDone) {
    const std::size_t free_before = fake.free_machine_frames.size();
    for (unsigned nth = 0; nth < 40; ++nth) {
        unsigned calls = 0;
        struct Killed {};
        fake.fail = [&](uint32_t) -> int64_t {
            if (calls++ == nth) {
                throw Killed{};
            }
            return calls > nth ? -RINGFOLD_EPERM : 0;  // the dead do nothing any more
        };
        bool killed = false;
        try {
            (void)create(config()).ok();
        } catch (const Killed &) {
            killed = true;
        }
        fake.fail = {};
        kill();
        start();
        // Either all of it is there or nothing.
        const bool there = supervisor->find("web").ok();
        EXPECT_EQ(fake.domains.size(), there ? 2U : 1U) << nth;
        if (there) {
            EXPECT_EQ(fake.domains.at(id_of("web")).info.state, RINGFOLD_DOMAIN_RUNNING);
            ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
        }
        EXPECT_EQ(fake.free_machine_frames.size(), free_before) << nth;
        if (!killed) {
            EXPECT_GT(nth, 5U);
            return;
        }
    }
    FAIL() << "a create takes more hypercalls than were tried";
}

// An hvd that is killed while it looks into a guest, or before it has recorded what it did, leaves more or fewer
// pauses.
TEST_F(RestartTest, AGuestIsPausedAsOftenAsItsRecordSays) {
    for (const bool paused : {false, true}) {
        const std::string name = paused ? "paused" : "running";
        ASSERT_TRUE(create(config(name), paused).ok());
        for (const uint32_t left : {0U, 1U, 2U, 3U}) {
            FakeDomain &domain = fake.domains.at(id_of(name));
            kill();
            domain.info.pauses = left;
            domain.debug = RINGFOLD_DEBUG_STOPS;
            start();
            EXPECT_EQ(domain.info.pauses, paused ? 1U : 0U) << name << ", " << left;
            EXPECT_EQ(domain.debug, uint32_t{RINGFOLD_DEBUG_DELIVERS});
            EXPECT_EQ(supervisor->find(name).value()->paused, paused);
        }
    }
}

// A debugger's breakpoints go with an hvd that is killed.
TEST_F(RestartTest, NoBreakpointStays) {
    ASSERT_TRUE(create(config()).ok());
    const GuestReference guest = supervisor->find("web").value();
    supervisor->set_debugged(*guest, true);
    ASSERT_TRUE(supervisor->hypervisor().pause(guest->id).ok());
    ASSERT_TRUE(supervisor->hypervisor().registers(guest->id, 0).ok());
    ringfold_vcpu_registers &registers = fake.domains.at(id_of("web")).registers.at(0);
    registers.debug_addresses[0] = 0x1000;
    registers.debug_control = 0x401;
    registers.rflags = 0x302;
    registers.rip = 0x1234;
    kill();
    start();
    EXPECT_EQ(registers.debug_addresses[0], 0U);
    EXPECT_EQ(registers.debug_control, 0x400U);
    EXPECT_EQ(registers.rflags, 0x202U);
    EXPECT_EQ(registers.rip, 0x1234U);
    EXPECT_EQ(fake.domains.at(id_of("web")).info.pauses, 0U);
    EXPECT_FALSE(supervisor->find("web").value()->debugged);
    // The guest's own are left alone.
    registers.debug_control = 0x401;
    kill();
    start();
    EXPECT_EQ(registers.debug_control, 0x401U);
    const GuestReference gone = supervisor->find("web").value();
    supervisor->set_debugged(*gone, true);
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
    supervisor->set_debugged(*gone, false);
    EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "run/guests"));
}

TEST_F(RestartTest, WhatAnHvdLeftHalfWrittenIsRemoved) {
    ASSERT_TRUE(create(config()).ok());
    kill();
    const std::filesystem::path records = directory.path() / "run/guests";
    const auto count = std::distance(std::filesystem::directory_iterator(records), {});
    for (const char *name : {"half.json.new", "half.frames.new", "gone.frames"}) {
        std::ofstream(records / name) << "{";
    }
    std::filesystem::create_directory(directory.path() / "log/run-1-begun");
    start();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(records), {}), count);
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "log/run-1-begun"));
    EXPECT_EQ(console("web"), "");
    EXPECT_EQ(supervisor->find("web").value()->frames.size(), 4096U);
}

TEST_F(RestartTest, DomainsOfOthersAreTakenUp) {
    kill();
    FakeDomain &domain = fake.domains[5];
    domain.info.domain = 5;
    domain.info.state = RINGFOLD_DOMAIN_RUNNING;
    domain.info.vcpu_count = 1;
    std::strcpy(domain.info.name, "from-boot");
    domain.console = "hello from boot\n";
    start();
    EXPECT_EQ(console("from-boot"), "hello from boot\n");
    EXPECT_EQ(ask("dump-core", {{"domain", "5"}, {"path", "/dev/null"}}).error().kind, Kind::unsupported);
    fake.end(5, RINGFOLD_SHUTDOWN_POWER_OFF);
    deliver();
    EXPECT_EQ(ask("list").take()[1]["state"], "ended");  // nobody said what then
    EXPECT_TRUE(ask("destroy", {{"domain", "from-boot"}}).ok());
}

TEST_F(RestartTest, ADamagedRecordIsSaidAndStopsNothing) {
    ASSERT_TRUE(create(config()).ok());
    kill();
    std::ofstream(directory.path() / "run/guests/broken.json") << "{\"key\": 3";
    start();
    EXPECT_TRUE(supervisor->find("web").ok());
    EXPECT_NE(events().find("broken.json"), std::string::npos);
}

}  // namespace
}  // namespace ringfold::tools
