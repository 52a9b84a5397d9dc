// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/tests/supervisor_world.hpp"

#include <ringfold/device.h>
#include <ringfold/hypercall_numbers.h>

#include <fmt/core.h>

namespace ringfold::tools {
namespace {

constexpr uint64_t second = 1'000'000'000;

using SupervisorTest = SupervisorWorld;

std::size_t entries_in(const std::filesystem::path &path) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator{}));
}

TEST_F(SupervisorTest, MakesAGuestAndDestroysIt) {
    const std::size_t free_before = fake.free_machine_frames.size();
    ASSERT_TRUE(create(config()).ok());
    const auto rows = ask("list").take();
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0]["name"], "dom0");
    EXPECT_EQ(rows[1]["name"], "web");
    EXPECT_EQ(rows[1]["state"], "running");
    EXPECT_EQ(rows[1]["memory_frames"], 4096);
    EXPECT_EQ(ask("list", {{"fields", {"life", "name"}}}).take()[1], (nlohmann::json{1, "web"}));
    EXPECT_EQ(ask("list", {{"fields", {"name", "nonsense"}}}).error().text, "domains have no field \"nonsense\"");
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
    EXPECT_EQ(fake.domains.size(), 1U);
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
    EXPECT_EQ(entries_in(directory.path() / "run/guests"), 0U);
    EXPECT_EQ(ask("destroy", {{"domain", "web"}}).error().kind, Kind::not_found);
}

TEST_F(SupervisorTest, WhatFailsOnTheWayLeavesNothing) {
    const std::size_t free_before = fake.free_machine_frames.size();
    const std::size_t logs_before = entries_in(directory.path() / "log");
    for (const uint32_t call :
         {RINGFOLD_HYPERCALL_DOMAIN_CREATE, RINGFOLD_HYPERCALL_DOMAIN_CLAIM, RINGFOLD_HYPERCALL_DOMAIN_POPULATE,
          RINGFOLD_HYPERCALL_DOMAIN_START, RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, RINGFOLD_HYPERCALL_DOMAIN_PAUSE}) {
        fake.fail = [&](uint32_t number) -> int64_t { return number == call ? -RINGFOLD_ENOMEM : 0; };
        DomainConfig wanted = config();
        wanted.cap = 50;
        const auto created = create(wanted, true);
        fake.fail = {};
        ASSERT_FALSE(created.ok()) << call;
        EXPECT_EQ(created.error().kind, Kind::memory);
        EXPECT_EQ(fake.domains.size(), 1U);
        EXPECT_EQ(fake.free_machine_frames.size(), free_before);
        EXPECT_EQ(entries_in(directory.path() / "run/guests"), 0U);
        EXPECT_EQ(entries_in(directory.path() / "log"), logs_before);
        EXPECT_EQ(ask("list").take().size(), 1U);
    }
}

TEST_F(SupervisorTest, RefusesWhatCannotBe) {
    ASSERT_TRUE(create(config()).ok());
    EXPECT_EQ(create(config()).error().kind, Kind::exists);
    EXPECT_EQ(create(config("dom0")).error().kind, Kind::exists);
    DomainConfig wanted = config("other");
    wanted.memory_mib = 1 << 20;
    EXPECT_EQ(create(wanted).error().kind, Kind::memory);
    wanted = config("other");
    wanted.kernel = "/does/not/exist";
    EXPECT_NE(create(wanted).error().text.find("/does/not/exist: No such file"), std::string::npos);
    wanted.kernel = "/bin/sh";
    EXPECT_EQ(create(wanted).error().kind, Kind::image);
    EXPECT_EQ(ask("destroy", {{"domain", "dom0"}}).error().kind, Kind::usage);
    EXPECT_EQ(ask("destroy").error().kind, Kind::usage);
    EXPECT_EQ(ask("fly").error().kind, Kind::usage);
}

TEST_F(SupervisorTest, KeepsTheConsoleFromTheFirstByteAndBeyondTheEnd) {
    ASSERT_TRUE(create(config()).ok());
    std::string said;
    for (unsigned round = 0; round < 10; ++round) {
        const std::string text = std::string(5000, static_cast<char>('a' + round)) + "\n";
        fake.write_console(id_of("web"), text);
        said += text;
        deliver();
    }
    EXPECT_EQ(console("web"), said);
    fake.write_console(id_of("web"), "last words\n");
    fake.end(id_of("web"), RINGFOLD_SHUTDOWN_POWER_OFF);
    deliver();
    EXPECT_FALSE(supervisor->find("web").ok());
    EXPECT_EQ(fake.domains.size(), 1U);
    EXPECT_EQ(console("web"), said + "last words\n");
}

TEST_F(SupervisorTest, WhatWasOverwrittenBeforeItWasReadIsSaidToBeLost) {
    ASSERT_TRUE(create(config()).ok());
    fake.write_console(id_of("web"), std::string(10000, 'x'));
    deliver();
    const std::string text = console("web");
    EXPECT_NE(text.find("[1808 bytes are lost]"), std::string::npos) << text.substr(0, 100);
}

TEST_F(SupervisorTest, EachEndHasItsAction) {
    DomainConfig wanted = config();
    wanted.on_poweroff = EndAction::preserve;
    ASSERT_TRUE(create(wanted).ok());
    fake.end(id_of("web"), RINGFOLD_SHUTDOWN_POWER_OFF, 3);
    deliver();
    EXPECT_EQ(ask("list").take()[1]["state"], "ended");
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());

    ASSERT_TRUE(create(config()).ok());
    const uint16_t first = id_of("web");
    fake.write_console(first, "one\n");
    now += 60 * second;
    fake.end(first, RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    ASSERT_TRUE(supervisor->find("web").ok());
    EXPECT_EQ(supervisor->find("web").value()->life, 2U);
    EXPECT_EQ(fake.domains.at(id_of("web")).info.state, RINGFOLD_DOMAIN_RUNNING);
    fake.write_console(id_of("web"), "two\n");
    deliver();
    EXPECT_EQ(console("web"), "one\ntwo\n");
    EXPECT_TRUE(noted("restarted"));
}

TEST_F(SupervisorTest, AGuestThatEndsAtOnceIsNotStartedForEver) {
    ASSERT_TRUE(create(config()).ok());
    for (unsigned round = 0; round < 10 && supervisor->find("web").value()->phase == Phase::running; ++round) {
        fake.end(id_of("web"), RINGFOLD_SHUTDOWN_REBOOT);
        deliver();
    }
    EXPECT_EQ(supervisor->find("web").value()->phase, Phase::ended);
    EXPECT_EQ(supervisor->find("web").value()->life, 5U);
}

TEST_F(SupervisorTest, ACrashLeavesABundle) {
    DomainConfig wanted = config();
    wanted.on_crash = EndAction::coredump_destroy;
    ASSERT_TRUE(create(wanted).ok());
    const std::filesystem::path logs = supervisor->find("web").value()->directory;
    fake.write_console(id_of("web"), "Oops\n");
    fake.write_log("d2: crashed\n");
    fake.end(id_of("web"), RINGFOLD_SHUTDOWN_CRASH);
    deliver();
    EXPECT_FALSE(supervisor->find("web").ok());
    const auto content = [&](const char *name) {
        std::ifstream file(logs / "crash-1" / name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    EXPECT_EQ(content("console"), "Oops\n");
    EXPECT_EQ(content("hypervisor-log"), "d2: crashed\n");
    EXPECT_NE(content("domain.json").find("\"shutdown_reason\": 2"), std::string::npos);
    EXPECT_EQ(content("registers").substr(0, 9), "not there");  // an ended domain has none
    EXPECT_GE(content("core").size(), 4096 * page_size);
}

TEST_F(SupervisorTest, PauseIsRememberedAndUndone) {
    ASSERT_TRUE(create(config(), true).ok());
    EXPECT_EQ(fake.domains.at(id_of("web")).info.pauses, 1U);
    EXPECT_EQ(ask("list").take()[1]["state"], "paused");
    EXPECT_EQ(ask("pause", {{"domain", "web"}}).error().kind, Kind::busy);
    ASSERT_TRUE(ask("unpause", {{"domain", "web"}}).ok());
    EXPECT_EQ(fake.domains.at(id_of("web")).info.pauses, 0U);
    EXPECT_EQ(ask("unpause", {{"domain", "web"}}).error().kind, Kind::busy);
    ASSERT_TRUE(ask("pause", {{"domain", "web"}}).ok());
    EXPECT_NE(ask("registers", {{"domain", "web"}}).take()["text"].get<std::string>().find("vCPU 0"),
              std::string::npos);
    EXPECT_EQ(fake.domains.at(id_of("web")).info.pauses, 1U);
}

TEST_F(SupervisorTest, ShutdownAsksAndForces) {
    ASSERT_TRUE(create(config()).ok());
    const uint32_t id = id_of("web");
    ASSERT_TRUE(ask("shutdown", {{"domain", "web"}}).ok());
    ASSERT_TRUE(ask("shutdown", {{"domain", "web"}, {"reboot", true}}).ok());
    ASSERT_TRUE(ask("sysrq", {{"domain", "web"}, {"key", "t"}}).ok());
    EXPECT_EQ(fake.orders, (std::vector<std::array<uint32_t, 3>>{{id, RINGFOLD_ORDER_POWER_OFF, 0},
                                                                 {id, RINGFOLD_ORDER_REBOOT, 0},
                                                                 {id, RINGFOLD_ORDER_SYSTEM_REQUEST, 't'}}));
    for (const char *key : {"", "tt", " ", "\x80"}) {
        EXPECT_EQ(ask("sysrq", {{"domain", "web"}, {"key", key}}).error().kind, Kind::usage) << key;
    }
    EXPECT_EQ(fake.domains.at(id_of("web")).info.state, RINGFOLD_DOMAIN_RUNNING);
    const auto life = ask("shutdown", {{"domain", "web"}, {"force", true}});
    ASSERT_TRUE(life.ok());
    EXPECT_TRUE(ask("wait", {{"guests", nlohmann::json::array({life.value()})}}).ok());
    EXPECT_EQ(fake.domains.size(), 1U);
}

TEST_F(SupervisorTest, AGuestIsToldOnHowManyVcpusToRun) {
    DomainConfig given = config();
    given.vcpus = 2;
    given.maximum_vcpus = 4;
    ASSERT_TRUE(create(given).ok());
    const uint32_t id = id_of("web");
    EXPECT_TRUE(ask("vcpu-set", {{"domain", "web"}, {"vcpus", 4}}).ok());
    EXPECT_TRUE(ask("vcpu-set", {{"domain", "web"}, {"vcpus", 1}}).ok());
    EXPECT_EQ(fake.orders,
              (std::vector<std::array<uint32_t, 3>>{{id, RINGFOLD_ORDER_VCPUS, 4}, {id, RINGFOLD_ORDER_VCPUS, 1}}));
    for (const int wrong : {0, -1, 5}) {
        EXPECT_EQ(ask("vcpu-set", {{"domain", "web"}, {"vcpus", wrong}}).error().kind, Kind::usage) << wrong;
    }
    EXPECT_EQ(fake.orders.size(), 2U);
}

TEST_F(SupervisorTest, OfTwoGuestsAtOnceTheLoserKnowsBeforeAnythingIsBuilt) {
    const std::size_t free_before = fake.free_machine_frames.size();
    hold_asides = true;
    DomainConfig wanted = config("first");
    wanted.memory_mib = 100;  // of 128
    std::optional<Outcome<nlohmann::json>> winner;
    std::optional<Outcome<nlohmann::json>> loser;
    commands->handle("create", {{"config", to_json(wanted)}}, [&](const auto &answer) { winner.emplace(answer); });
    wanted.name = "second";
    commands->handle("create", {{"config", to_json(wanted)}}, [&](const auto &answer) { loser.emplace(answer); });
    ASSERT_EQ(waiting_asides.size(), 2U);  // there was memory for either
    // While the first one is being built, the second one begins.
    bool nested = false;
    unsigned populated = 0;
    fake.fail = [&](uint32_t number) -> int64_t {
        populated += number == RINGFOLD_HYPERCALL_DOMAIN_POPULATE ? 1 : 0;
        if (populated == 1 && !std::exchange(nested, true)) {
            const unsigned before = populated;
            waiting_asides[1]();
            EXPECT_EQ(populated, before);
        }
        return 0;
    };
    waiting_asides[0]();
    ASSERT_TRUE(winner && loser);
    EXPECT_TRUE(winner->ok()) << winner->error().text;
    ASSERT_FALSE(loser->ok());
    EXPECT_EQ(loser->error().kind, Kind::memory);
    EXPECT_EQ(loser->error().text, "it needs 100 MiB of memory, but the machine has 28 MiB free");
    EXPECT_EQ(fake.domains.size(), 2U);
    EXPECT_EQ(fake.free_machine_frames.size(), free_before - 25600);
    fake.fail = {};
    hold_asides = false;
    ASSERT_TRUE(ask("destroy", {{"domain", "first"}}).ok());
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
}

TEST_F(SupervisorTest, AGuestIsToldHowMuchMemoryToHave) {
    DomainConfig given = config();
    given.maximum_mib = 64;
    ASSERT_TRUE(create(given).ok());
    const uint16_t id = id_of("web");
    EXPECT_EQ(ask("list").value()[1]["target_frames"], 4096);
    EXPECT_EQ(ask("list").value()[1]["maximum_frames"], 16384);
    const auto told = ask("mem-set", {{"domain", "web"}, {"memory", "8"}});
    ASSERT_TRUE(told.ok()) << told.error().text;
    EXPECT_EQ(told.value(), (nlohmann::json{{"id", id}, {"target_frames", 2048}}));
    EXPECT_EQ(ask("list").value()[1]["memory_frames"], 4096);  // it has not done it yet
    EXPECT_EQ(ask("list").value()[1]["target_frames"], 2048);
    EXPECT_TRUE(ask("mem-set", {{"domain", std::to_string(id)}, {"memory", "64M"}}).ok());
    const std::vector<std::array<uint32_t, 3>> orders{{id, RINGFOLD_ORDER_MEMORY, 8}, {id, RINGFOLD_ORDER_MEMORY, 64}};
    EXPECT_EQ(fake.orders, orders);
    for (const char *wrong : {"0", "65", "1T", "-1", "abc", "", "1.5", "4096T", "100K", "18446744073709551616"}) {
        EXPECT_EQ(ask("mem-set", {{"domain", "web"}, {"memory", wrong}}).error().kind, Kind::usage) << wrong;
    }
    EXPECT_EQ(ask("mem-set", {{"domain", "web"}, {"memory", "65"}}).error().text,
              "65 MiB: web has at most 64 (maxmem and mem-max say so)");
    ASSERT_TRUE(ask("mem-max", {{"domain", "web"}, {"memory", "32"}}).ok());
    EXPECT_EQ(ask("mem-set", {{"domain", "web"}, {"memory", "33"}}).error().kind, Kind::usage);
    EXPECT_EQ(ask("mem-set", {{"domain", "nobody"}, {"memory", "16"}}).error().kind, Kind::not_found);
    EXPECT_EQ(fake.orders, orders);
    // An hvd that starts again still knows, a new life of the guest begins anew.
    kill();
    start();
    EXPECT_EQ(ask("list").value()[1]["target_frames"], 16384);
    fake.end(id, RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    EXPECT_EQ(ask("list").value()[1]["target_frames"], 4096);
}

TEST_F(SupervisorTest, AGuestIsNotToldToTakeWhatTheMachineHasNot) {
    DomainConfig given = config();
    given.maximum_mib = 64;
    ASSERT_TRUE(create(given).ok());
    DomainConfig other = config("other");
    other.memory_mib = 100;  // of 128
    ASSERT_TRUE(create(other).ok());
    EXPECT_EQ(ask("mem-set", {{"domain", "web"}, {"memory", "29"}}).error().kind, Kind::memory);
    ASSERT_TRUE(ask("mem-set", {{"domain", "web"}, {"memory", "28"}}).ok());
    // It is set aside until the guest takes it, or is told to do with less, or is not told at all.
    EXPECT_EQ(create(config("third")).error().kind, Kind::memory);
    ASSERT_TRUE(ask("mem-set", {{"domain", "web"}, {"memory", "12"}}).ok());
    EXPECT_EQ(fake.domains.at(id_of("web")).claimed, 0U);
    fake.added_disks.clear();  // and with them its control page
    EXPECT_EQ(ask("mem-set", {{"domain", "web"}, {"memory", "28"}}).error().text,
              "web cannot be asked: it has no control page");
    EXPECT_EQ(fake.domains.at(id_of("web")).claimed, 0U);
}

TEST_F(SupervisorTest, TheControlDomainKeepsItsFloor) {
    fake.own_memory = {.target = FrameCount{512 * 256}, .maximum = FrameCount{512 * 256}};
    fake.domains.at(1).info.owned_frames = 512 * 256;
    const auto refused = ask("mem-set", {{"domain", "dom0"}, {"memory", "127"}});
    EXPECT_EQ(refused.error().kind, Kind::usage);
    EXPECT_NE(refused.error().text.find("127 MiB: dom0 keeps at least 128"), std::string::npos);
    EXPECT_EQ(ask("mem-set", {{"domain", "dom0"}, {"memory", "513"}}).error().text,
              "513 MiB: dom0 has at most the 512 that it began with");
    EXPECT_EQ(fake.own_memory.target, FrameCount{512 * 256});
    const auto told = ask("mem-set", {{"domain", "1"}, {"memory", "128"}});
    ASSERT_TRUE(told.ok()) << told.error().text;
    EXPECT_EQ(told.value(), (nlohmann::json{{"id", 1}, {"target_frames", 128 * 256}}));
    EXPECT_EQ(fake.own_memory.target, FrameCount{128 * 256});
    EXPECT_EQ(ask("list").value()[0]["target_frames"], 128 * 256);
    EXPECT_TRUE(fake.orders.empty());  // it has no control page
    // It gave them all away, and somebody else has them.
    fake.domains.at(1).info.owned_frames = 128 * 256;
    EXPECT_EQ(ask("mem-set", {{"domain", "dom0"}, {"memory", "512"}}).error().kind, Kind::memory);
    EXPECT_EQ(fake.own_memory.target, FrameCount{128 * 256});
}

TEST_F(SupervisorTest, AGuestWithoutAControlPageCannotBeAsked) {
    fake.serves_devices = false;
    ASSERT_TRUE(create(config()).ok());
    EXPECT_EQ(ask("shutdown", {{"domain", "web"}}).error().kind, Kind::unsupported);
    EXPECT_TRUE(ask("shutdown", {{"domain", "web"}, {"force", true}}).ok());
    EXPECT_EQ(ask("shutdown", {{"domain", "web"}}).error().kind, Kind::not_found);
}

TEST_F(SupervisorTest, WaitAnswersWhenTheLifeIsOver) {
    ASSERT_TRUE(create(config()).ok());
    const GuestReference guest = supervisor->find("web").value();
    bool answered = false;
    commands->handle("wait", {{"guests", nlohmann::json::array({{{"key", guest->key}, {"life", 1}}})}},
                     [&](const Outcome<nlohmann::json> &answer) { answered = answer.ok(); });
    deliver();
    EXPECT_FALSE(answered);
    fake.end(id_of("web"), RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    EXPECT_TRUE(answered);
}

TEST_F(SupervisorTest, LogsOf32GuestsThatAreGoneAreKept) {
    // Beside them are the hypervisor's log and the events.
    const std::size_t others = entries_in(directory.path() / "log");
    const auto logs = [this, others] { return entries_in(directory.path() / "log") - others; };
    const auto make = [this](const std::string &name) {
        ASSERT_TRUE(create(config(name)).ok());
        fake.write_console(id_of(name), "a line\n");
        deliver();
    };
    make("stays");
    for (int number = 0; number < 35; ++number) {
        const std::string name = fmt::format("guest{}", number);
        make(name);
        ASSERT_TRUE(ask("destroy", {{"domain", name}}).ok());
    }
    EXPECT_EQ(logs(), 33U) << "and that of the guest that is there";
    ASSERT_TRUE(ask("destroy", {{"domain", "stays"}}).ok());
    EXPECT_EQ(logs(), 32U);
}

TEST_F(SupervisorTest, ADomainWhoseFramesOthersHoldIsDestroyedLater) {
    ASSERT_TRUE(create(config()).ok());
    fake.domains.at(id_of("web")).held = true;
    const uint16_t id = id_of("web");
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
    EXPECT_TRUE(supervisor->retry());
    EXPECT_EQ(ask("list").take()[1]["state"], "dying");
    fake.domains.at(id).held = false;
    EXPECT_FALSE(supervisor->retry());
    EXPECT_EQ(fake.domains.size(), 1U);
    EXPECT_EQ(ask("list").take().size(), 1U);
}

TEST_F(SupervisorTest, DisksComeAndGoWithTheirGuest) {
    DomainConfig wanted = config();
    wanted.disks = {{.target = "/dev/a", .number = 0}, {.target = "/dev/b", .number = 1, .read_only = true}};
    ASSERT_TRUE(create(wanted).ok());
    const uint16_t first = id_of("web");
    EXPECT_EQ(fake.added_disks.at(first), wanted.disks);
    ASSERT_TRUE(ask("block-attach", {{"domain", "web"}, {"disk", "target=/dev/c"}}).ok());
    EXPECT_EQ(ask("block-list", {{"domain", "web"}}).take().size(), 3U);
    EXPECT_EQ(ask("block-list", {{"domain", "web"}}).take()[2]["target"], "/dev/c");
    EXPECT_EQ(ask("block-attach", {{"domain", "web"}, {"disk", "target=/dev/busy"}}).error().kind, Kind::busy);
    EXPECT_EQ(ask("block-attach", {{"domain", "web"}, {"disk", "target=c"}}).error().kind, Kind::usage);
    ASSERT_TRUE(ask("block-detach", {{"domain", "web"}, {"vdev", "rdb"}}).ok());
    EXPECT_EQ(ask("block-detach", {{"domain", "web"}, {"vdev", "rdb"}}).error().kind, Kind::not_found);

    now += 60 * second;
    fake.end(first, RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    const std::vector<DiskConfig> kept{{.target = "/dev/a", .number = 0}, {.target = "/dev/c", .number = 2}};
    EXPECT_EQ(fake.added_disks.at(id_of("web")), kept) << "what was attached and detached stays so";
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
    EXPECT_TRUE(fake.added_disks.empty());
}

TEST_F(SupervisorTest, NetworkInterfacesComeAndGoWithTheirGuest) {
    const HardwareAddress chosen{{2, 0, 0, 0, 0, 1}};
    DomainConfig wanted = config();
    wanted.networks = {{.number = 0, .bridge = "br0"}, {.number = 1, .address = chosen}};
    ASSERT_TRUE(create(wanted).ok());
    const uint16_t first = id_of("web");
    const HardwareAddress generated = generated_address("web", 0);
    wanted.networks[0].address = generated;
    EXPECT_EQ(fake.added_networks.at(first), wanted.networks);
    ASSERT_TRUE(ask("network-attach", {{"domain", "web"}}).ok());
    EXPECT_EQ(ask("network-list", {{"domain", "web"}}).take().size(), 3U);
    EXPECT_EQ(ask("network-list", {{"domain", "web"}}).take()[0]["mac"], generated.text());
    EXPECT_EQ(ask("network-attach", {{"domain", "web"}, {"network", "bridge=nowhere"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("network-attach", {{"domain", "web"}, {"network", "brigde=br0"}}).error().kind, Kind::configuration);
    ASSERT_TRUE(ask("network-detach", {{"domain", "web"}, {"network", chosen.text()}}).ok());
    EXPECT_EQ(ask("network-detach", {{"domain", "web"}, {"network", "1"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("network-detach", {{"domain", "web"}, {"network", chosen.text()}}).error().kind, Kind::not_found);

    now += 60 * second;
    fake.end(first, RINGFOLD_SHUTDOWN_REBOOT);
    deliver();
    const std::vector<NetworkConfig> kept{{.number = 0, .address = generated, .bridge = "br0"},
                                          {.number = 2, .address = generated_address("web", 2)}};
    EXPECT_EQ(fake.added_networks.at(id_of("web")), kept) << "what was attached and detached stays so";
    ASSERT_TRUE(ask("destroy", {{"domain", "web"}}).ok());
    EXPECT_TRUE(fake.added_networks.empty());
    wanted.networks[1].bridge = "nowhere";
    EXPECT_EQ(create(wanted).error().kind, Kind::not_found);
    EXPECT_TRUE(fake.added_networks.empty());
}

TEST_F(SupervisorTest, ConnectionsAreResetAndDisksResized) {
    DomainConfig wanted = config();
    wanted.disks = {{.target = "/dev/a", .number = 0}, {.target = "/dev/b", .number = 1}};
    wanted.networks = {{.number = 0}, {.number = 1}};
    ASSERT_TRUE(create(wanted).ok());
    ASSERT_TRUE(ask("block-reset", {{"domain", "web"}, {"vdev", "rdb"}}).ok());
    EXPECT_EQ(fake.resets, (std::vector<std::string>{"disk 1"}));
    ASSERT_TRUE(ask("block-reset", {{"domain", "web"}}).ok());
    EXPECT_EQ(fake.resets, (std::vector<std::string>{"disk 1", "disk 0", "disk 1"}));
    fake.resets.clear();
    ASSERT_TRUE(ask("network-reset", {{"domain", "web"}, {"network", "1"}}).ok());
    ASSERT_TRUE(ask("network-reset", {{"domain", "web"}, {"network", generated_address("web", 0).text()}}).ok());
    ASSERT_TRUE(ask("network-reset", {{"domain", "web"}}).ok());
    EXPECT_EQ(fake.resets, (std::vector<std::string>{"network 1", "network 0", "network 0", "network 1"}));
    EXPECT_EQ(ask("block-reset", {{"domain", "web"}, {"vdev", "rdc"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("network-reset", {{"domain", "web"}, {"network", "2"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("block-resize", {{"domain", "web"}, {"vdev", "rdb"}}).take()["sectors"], 2U << 20);
    EXPECT_EQ(ask("block-resize", {{"domain", "web"}, {"vdev", "rdc"}}).error().kind, Kind::not_found);
    EXPECT_EQ(ask("block-resize", {{"domain", "web"}, {"vdev", "what"}}).error().kind, Kind::configuration);
}

TEST_F(SupervisorTest, AGuestThatKeepsItsDiskHoldsUpNobody) {
    DomainConfig wanted = config();
    wanted.disks = {{.target = "/dev/a", .number = 0}};
    ASSERT_TRUE(create(wanted).ok());
    fake.guests_let_go = false;
    ASSERT_TRUE(ask("block-detach", {{"domain", "web"}, {"vdev", "rda"}}).ok());
    EXPECT_EQ(ask("block-list", {{"domain", "web"}}).take().size(), 1U);
    ASSERT_TRUE(ask("block-detach", {{"domain", "web"}, {"vdev", "rda"}, {"force", true}}).ok());
    EXPECT_EQ(ask("block-list", {{"domain", "web"}}).take().size(), 0U);
}

TEST_F(SupervisorTest, ADiskThatCannotBeServedLeavesNothing) {
    const std::size_t free_before = fake.free_machine_frames.size();
    DomainConfig wanted = config();
    wanted.disks = {{.target = "/dev/a", .number = 0}, {.target = "/dev/busy", .number = 1}};
    EXPECT_EQ(create(wanted).error().kind, Kind::busy);
    EXPECT_TRUE(fake.added_disks.empty());
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
    fake.serves_devices = false;
    EXPECT_EQ(create(wanted).error().kind, Kind::unsupported);
    EXPECT_EQ(fake.free_machine_frames.size(), free_before);
    EXPECT_TRUE(create(config()).ok()) << "a guest without devices needs no kernel that serves some";
}

TEST_F(SupervisorTest, OfAGuestThatIsBeingBuiltNothingElseCanBeAsked) {
    hold_asides = true;
    supervisor->create(config(), {}, [](const Outcome<GuestReference> &made) { EXPECT_TRUE(made.ok()); });
    for (const std::string command : {"dump-core", "registers", "vcpu-list", "vcpu-pin", "sched", "mem-max", "stats",
                                      "block-list", "network-list", "pause", "destroy"}) {
        const auto answer =
            ask(command, {{"domain", "web"}, {"path", "core"}, {"cpus", "0"}, {"vcpu", "all"}, {"memory", "32"}});
        ASSERT_FALSE(answer.ok()) << command;
        EXPECT_EQ(answer.error().kind, Kind::busy) << command << ": " << answer.error().text;
    }
    waiting_asides.front()();
    EXPECT_TRUE(ask("registers", {{"domain", "web"}}).ok());
}

TEST_F(SupervisorTest, RenameKeepsTheGuest) {
    ASSERT_TRUE(create(config()).ok());
    ASSERT_TRUE(create(config("other")).ok());
    EXPECT_EQ(ask("rename", {{"domain", "web"}, {"to", "other"}}).error().kind, Kind::exists);
    EXPECT_EQ(ask("rename", {{"domain", "web"}, {"to", "a b"}}).error().kind, Kind::usage);
    ASSERT_TRUE(ask("rename", {{"domain", "web"}, {"to", "www"}}).ok());
    EXPECT_FALSE(supervisor->find("web").ok());
    EXPECT_TRUE(create(config()).ok());
    EXPECT_EQ(ask("list").take().size(), 4U);
}

TEST_F(SupervisorTest, ParametersReachTheScheduler) {
    DomainConfig wanted = config();
    wanted.weight = 512;
    wanted.cap = 70;
    wanted.cpus = {1, 2};
    wanted.vcpus = 3;
    ASSERT_TRUE(create(wanted).ok());
    const FakeDomain &domain = fake.domains.at(id_of("web"));
    EXPECT_EQ(domain.schedule.weight, 512U);
    EXPECT_EQ(domain.schedule.cap, 70U);
    EXPECT_EQ(domain.vcpus.at(0).affinity, 1U);
    EXPECT_EQ(domain.vcpus.at(2).affinity, 2U);
    ASSERT_TRUE(ask("sched", {{"domain", "web"}, {"weight", 100}}).ok());
    EXPECT_EQ(domain.schedule.weight, 100U);
    EXPECT_EQ(domain.schedule.cap, 70U);
    ASSERT_TRUE(ask("vcpu-pin", {{"domain", "web"}, {"vcpu", "1"}, {"cpus", "0"}}).ok());
    EXPECT_EQ(domain.vcpus.at(1).affinity, 1U);
    EXPECT_FALSE(ask("vcpu-pin", {{"domain", "web"}, {"vcpu", "3"}, {"cpus", "0"}}).ok());
    EXPECT_EQ(ask("vcpu-list", {{"domain", "web"}}).take().size(), 3U);
}

TEST_F(SupervisorTest, CpusMoveBetweenPools) {
    ASSERT_TRUE(ask("pool-cpus", {{"pool", "2"}, {"cpus", "1"}}).ok());
    ASSERT_TRUE(ask("pool-mode", {{"pool", "2"}, {"mode", "one-to-one"}}).ok());
    const nlohmann::json pools = ask("pool-list").take();
    ASSERT_EQ(pools.size(), 2U);
    EXPECT_EQ(pools[0]["cpus"], "0");
    EXPECT_EQ(pools[0]["mode"], "shared");
    EXPECT_EQ(pools[1]["pool"], 2);
    EXPECT_EQ(pools[1]["cpus"], "1");
    EXPECT_EQ(pools[1]["mode"], "one-to-one");
    DomainConfig wanted = config();
    wanted.pool = 2;
    ASSERT_TRUE(create(wanted).ok());
    EXPECT_EQ(fake.domains.at(id_of("web")).schedule.pool, 2U);
    ASSERT_TRUE(ask("sched", {{"domain", "web"}, {"pool", 0}}).ok());
    EXPECT_EQ(fake.domains.at(id_of("web")).schedule.pool, 0U);
}

TEST_F(SupervisorTest, CpusThatCannotMoveAllStay) {
    EXPECT_EQ(ask("pool-cpus", {{"pool", "1"}, {"cpus", "0-1"}}).error().kind, Kind::busy);
    EXPECT_EQ(fake.pools[0].cpus, 3U);
    EXPECT_EQ(fake.pools[1].cpus, 0U);
    EXPECT_EQ(ask("pool-cpus", {{"pool", "1"}, {"cpus", "1-2"}}).error().text, "there is no CPU 2");
    EXPECT_EQ(ask("pool-cpus", {{"pool", "8"}, {"cpus", "1"}}).error().kind, Kind::usage);
    EXPECT_EQ(ask("pool-mode", {{"pool", "0"}, {"mode", "one-to-one"}}).error().kind, Kind::busy);
    EXPECT_EQ(ask("pool-mode", {{"pool", "1"}, {"mode", "null"}}).error().kind, Kind::usage);
}

TEST_F(SupervisorTest, CountersAreTheMachinesOrADomains) {
    ASSERT_TRUE(create(config()).ok());
    const nlohmann::json own = ask("stats", {{"domain", "web"}}).take();
    EXPECT_EQ(own["hypercalls"]["yield"], id_of("web"));
    EXPECT_EQ(own["run_time"], 1000);
    EXPECT_FALSE(own.contains("free_frames"));
    EXPECT_TRUE(ask("stats").take().contains("free_frames"));
    EXPECT_EQ(ask("stats", {{"domain", "wbe"}}).error().kind, Kind::not_found);
}

TEST_F(SupervisorTest, TellsOfTheMachine) {
    EXPECT_EQ(ask("info").take()["cpus"], 2);
    EXPECT_EQ(ask("version").take()["abi"], "0.1");
    EXPECT_EQ(ask("stats").take()["hypercalls"]["domain_create"], 7);
    EXPECT_EQ(ask("debug-keys", {{"keys", "h"}}).take()["text"], "key h\n");
    EXPECT_EQ(ask("debug-keys", {{"keys", "?"}}).error().kind, Kind::not_found);
}

}  // namespace
}  // namespace ringfold::tools
