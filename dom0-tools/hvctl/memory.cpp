// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace ringfold::tools {

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr auto look_interval = std::chrono::milliseconds(100);

struct MemoryOptions {
    std::string domain;
    std::string memory;
    double seconds = 20;  // to wait
};

// The row of `list` of the domain that was told.
Outcome<json> row_of(Client &client, const json &told) {
    const json rows = TRY(client.request("list"));
    const auto row = std::ranges::find_if(rows, [&told](const json &one) { return one.at("id") == told.at("id"); });
    if (row == rows.end()) {
        return Failure{Kind::not_found, "it is gone"};
    }
    return *row;
}

// Until it has what it was told to have. busy: it has not, when time is up.
Outcome<json> wait_for_memory(Client &client, const MemoryOptions &options, const json &told) {
    const Clock::time_point end =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
    for (;;) {
        json row = TRY(row_of(client, told));
        if (options.seconds == 0 || row.at("memory_frames") == told.at("target_frames")) {
            return row;
        }
        if (Clock::now() >= end) {
            return Failure{Kind::busy,
                           fmt::format("{} was told to have {} MiB, and has {} after {:g} seconds: its kernel does not "
                                       "listen, cannot spare more, or finds no more",
                                       options.domain, told.at("target_frames").get<uint64_t>() / 256,
                                       row.at("memory_frames").get<uint64_t>() / 256, options.seconds)};
        }
        std::this_thread::sleep_for(look_interval);
    }
}

Outcome<void> set_memory(const Context &context, const MemoryOptions &options) {
    Client client = TRY(context.connect());
    const json told = TRY(client.request("mem-set", {{"domain", options.domain}, {"memory", options.memory}}));
    context.show(TRY(wait_for_memory(client, options, told)), nothing);
    return {};
}

}  // namespace

void add_memory_commands(CLI::App &app, Context &context) {
    const auto options = std::make_shared<MemoryOptions>();
    CLI::App *command = add_command(app, context, "mem-set", "tell a domain how much memory to have",
                                    [&context, options] { return set_memory(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("MEMORY", options->memory, "MiB, or like 1G; up to its maxmem")->required();
    command->add_option("-t,--timeout", options->seconds, "seconds to wait until it has (20); 0: only tell it")
        ->check(CLI::Range(0.0, 86400.0));

    const auto names = std::make_shared<std::pair<std::string, std::string>>();
    command = add_command(
        app, context, "mem-max", "set the most memory that a guest may have", [&context, names]() -> Outcome<void> {
            context.show(TRY(context.ask("mem-max", {{"domain", names->first}, {"memory", names->second}})), nothing);
            return {};
        });
    command->add_option("DOMAIN", names->first, "name or number")->required();
    command->add_option("MEMORY", names->second, "MiB, or like 1G")->required();
}

}  // namespace ringfold::tools
