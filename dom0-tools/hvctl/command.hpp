// SPDX-License-Identifier: Apache-2.0
//
// hvctl's commands: each adds itself to the command line and says what it does when it is chosen.
#pragma once

#include "dom0-tools/library/client.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringfold::tools {

// What every command has.
struct Context {
    std::string socket = "/run/ringfold/hvd.sock";
    bool json = false;
    std::function<Outcome<void>()> chosen;  // set by the command that stands on the command line
    int status = 0;                         // what to end with
    std::optional<int> failure_status;      // the same for a failure; nothing: that of its kind

    [[nodiscard]] Outcome<Client> connect() const { return Client::connect(socket); }
    [[nodiscard]] Outcome<nlohmann::json> ask(const std::string &command,
                                              const nlohmann::json &arguments = nlohmann::json::object()) const;
    // The answer as JSON if that is wanted, otherwise as `text` makes it.
    void show(const nlohmann::json &answer, const std::function<std::string(const nlohmann::json &)> &text) const;
};

// For Context::show(): a command that has nothing to say.
[[nodiscard]] std::string nothing(const nlohmann::json &answer);

// A command of its own, with --json; `run` when it is chosen.
CLI::App *add_command(CLI::App &app, Context &context, const std::string &name, const std::string &summary,
                      std::function<Outcome<void>()> run);

void add_creating_commands(CLI::App &app, Context &context);  // create
void add_run_command(CLI::App &app, Context &context);
void add_memory_commands(CLI::App &app, Context &context);   // mem-set, mem-max
void add_ending_commands(CLI::App &app, Context &context);   // destroy, shutdown, reboot, sysrq
void add_domain_commands(CLI::App &app, Context &context);   // list, pause, unpause, rename, dump-core, ...
void add_block_commands(CLI::App &app, Context &context);    // block-list, block-attach, ...
void add_network_commands(CLI::App &app, Context &context);  // network-list, network-attach, ...
void add_stream_commands(CLI::App &app, Context &context);   // console, dmesg, event-log
void add_gdb_command(CLI::App &app, Context &context);
void add_schedule_commands(CLI::App &app, Context &context);  // vcpu-list, vcpu-set, vcpu-pin, sched, top
void add_pool_commands(CLI::App &app, Context &context);      // pool-list, pool-cpus, pool-mode
void add_trace_commands(CLI::App &app, Context &context);     // trace start, status, stop, export
void add_machine_commands(CLI::App &app, Context &context);   // info, stats, version, debug-keys

// The command that `word` means: itself, or the only one that begins with it.
[[nodiscard]] Outcome<std::string> complete_command(const std::string &word, const std::vector<std::string> &commands);

}  // namespace ringfold::tools
