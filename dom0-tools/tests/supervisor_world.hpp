// SPDX-License-Identifier: Apache-2.0
//
// A supervisor on a model of the hypervisor, with a kernel to start, that can be killed and started again.
#pragma once

#include "dom0-tools/hvd/commands.hpp"
#include "dom0-tools/hvd/stream.hpp"
#include "dom0-tools/tests/fake_hypervisor.hpp"
#include "dom0-tools/tests/kernel_file.hpp"
#include "dom0-tools/tests/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>

namespace ringfold::tools {

class SupervisorWorld : public testing::Test {
  protected:
    SupervisorWorld() {
        std::ofstream(kernel_path, std::ios::binary) << make_kernel();
        start();
    }

    Environment environment() {
        return {.run_directory = directory.path() / "run",
                .log_directory = directory.path() / "log",
                .output_limits = {},
                .aside = [this](const auto &work, const auto &then) { do_aside(work, then); },
                .monotonic_time = [this] { return now; },
                .time_stamp = [this] { return 3 * now; },
                .wall_time = [] { return std::string{"2026-01-31T12:00:00Z"}; }};
    }

    void start() {
        fake.bound.clear();
        supervisor.emplace(fake, environment());
        const auto started = supervisor->start();
        ASSERT_TRUE(started.ok()) << started.error().text;
        commands.emplace(*supervisor);
        supervisor->changed = [this] { changes += 1; };
    }

    // As by kill -9: nothing of it is asked or told anything.
    void kill() {
        waiting_asides.clear();
        commands.reset();
        supervisor.reset();
    }

    // What the event loop does.
    void deliver() {
        supervisor->handle_interrupts(fake.raised().take());
        commands->look_at_waiters();
    }

    DomainConfig config(const std::string &name = "web") {
        DomainConfig wanted;
        wanted.name = name;
        wanted.kernel = kernel_path;
        wanted.memory_mib = 16;
        return wanted;
    }

    Outcome<nlohmann::json> ask(const std::string &command,
                                const nlohmann::json &arguments = nlohmann::json::object()) {
        std::optional<Outcome<nlohmann::json>> answer;
        commands->handle(command, arguments,
                         [&](Outcome<nlohmann::json> result) { answer.emplace(std::move(result)); });
        return answer ? std::move(*answer) : Outcome<nlohmann::json>{Failure{Kind::failed, "no answer yet"}};
    }

    Outcome<nlohmann::json> create(const DomainConfig &wanted, bool paused = false) {
        return ask("create", {{"config", to_json(wanted)}, {"paused", paused}});
    }

    // The domain of a guest that was made.
    uint16_t id_of(const std::string &name) { return supervisor->find(name).value()->id.raw(); }

    std::string console(const std::string &name, StreamOptions options = {}) {
        const auto stream = watch_console(*supervisor, name, options);
        EXPECT_TRUE(stream.ok()) << stream.error().text;
        std::string text;
        while (stream.ok()) {
            const std::string some = stream.value()->pull();
            if (some.empty()) {
                break;
            }
            text += some;
        }
        return text;
    }

    std::string events() {
        const auto stream = watch_events(*supervisor, {});
        std::string text;
        for (std::string some; !(some = stream->pull()).empty();) {
            text += some;
        }
        return text;
    }

    bool noted(const std::string &event) { return events().find("\"event\":\"" + event + "\"") != std::string::npos; }

    void do_aside(const std::function<void()> &work, const std::function<void()> &then) {
        if (hold_asides) {
            waiting_asides.push_back([work, then] {
                work();
                then();
            });
        } else {
            work();
            then();
        }
    }

    TemporaryDirectory directory;
    std::string kernel_path = directory.path() / "kernel";
    FakeHypervisor fake;
    uint64_t now = 1'000'000'000'000;
    unsigned changes = 0;
    bool hold_asides = false;
    std::vector<std::function<void()>> waiting_asides;
    std::optional<Supervisor> supervisor;
    std::optional<Commands> commands;
};

}  // namespace ringfold::tools
