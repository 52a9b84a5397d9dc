// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/table.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <optional>
#include <thread>

namespace ringfold::tools {

namespace {

using nlohmann::json;

std::string vcpus_text(const json &rows) {
    Table table({{"NAME"}, {"ID", true}, {"VCPU", true}, {"CPU", true}, {"MAY RUN ON"}, {"RATHER ON"}});
    for (const json &row : rows) {
        table.add({row.value("name", ""), number(row, "id"), number(row, "vcpu"), number(row, "cpu"),
                   row.value("affinity", ""), row.value("preferred", "")});
    }
    return table.text();
}

std::string schedule_text(const json &rows) {
    Table table({{"NAME"}, {"WEIGHT", true}, {"CAP/%", true}, {"POOL", true}});
    for (const json &row : rows) {
        table.add({row.value("name", ""), number(row, "weight"), number(row, "cap"), number(row, "pool")});
    }
    return table.text();
}

struct PinOptions {
    std::string domain;
    std::string vcpu;
    std::string cpus;
    std::string preferred;
};

Outcome<void> pin(const Context &context, const PinOptions &options) {
    json arguments{{"domain", options.domain}, {"vcpu", options.vcpu}, {"cpus", options.cpus}};
    if (!options.preferred.empty()) {
        arguments["preferred"] = options.preferred;
    }
    context.show(TRY(context.ask("vcpu-pin", arguments)), nothing);
    return {};
}

void add_vcpu_set(CLI::App &app, Context &context) {
    struct Options {
        std::string domain;
        uint32_t vcpus = 0;
    };
    const auto options = std::make_shared<Options>();
    CLI::App *command = add_command(app, context, "vcpu-set", "tell a guest on how many vCPUs to run",
                                    [&context, options]() -> Outcome<void> {
                                        const json arguments{{"domain", options->domain}, {"vcpus", options->vcpus}};
                                        context.show(TRY(context.ask("vcpu-set", arguments)), nothing);
                                        return {};
                                    });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("VCPUS", options->vcpus, "1 up to its vcpus or maxvcpus, the greater of both")->required();
}

struct ScheduleOptions {
    std::string domain;
    std::optional<uint32_t> weight;
    std::optional<uint32_t> cap;
    std::optional<uint32_t> pool;
};

Outcome<void> schedule(const Context &context, const ScheduleOptions &options) {
    json arguments = json::object();
    if (!options.domain.empty()) {
        arguments["domain"] = options.domain;
    }
    if (options.weight) {
        arguments["weight"] = *options.weight;
    }
    if (options.cap) {
        arguments["cap"] = *options.cap;
    }
    if (options.pool) {
        arguments["pool"] = *options.pool;
    }
    if (options.domain.empty() && !arguments.empty()) {
        return Failure{Kind::usage, "--weight, --cap and --pool: expected a domain"};
    }
    context.show(TRY(context.ask("sched", arguments)), schedule_text);
    return {};
}

struct TopOptions {
    double seconds = 2;
    uint64_t times = 0;  // 0: until it is interrupted
};

using Clock = std::chrono::steady_clock;

// Per cent of one CPU that each domain had between two lists.
json usage_between(const json &before, const json &after, Clock::duration time) {
    std::map<uint64_t, uint64_t> had;
    for (const json &row : before) {
        had[row.value("id", uint64_t{0})] = row.value("run_time_ns", uint64_t{0});
    }
    const auto nanoseconds = static_cast<double>(std::chrono::nanoseconds{time}.count());
    json rows = json::array();
    for (const json &row : after) {
        const uint64_t now = row.value("run_time_ns", uint64_t{0});
        const auto earlier = had.find(row.value("id", uint64_t{0}));
        const uint64_t ran = earlier == had.end() || earlier->second > now ? now : now - earlier->second;
        rows.push_back({{"name", row.value("name", "")},
                        {"id", row.value("id", uint64_t{0})},
                        {"state", row.value("state", "")},
                        {"cpu_percent", static_cast<double>(ran) * 100 / nanoseconds},
                        {"run_time_ns", now},
                        {"memory_frames", row.value("memory_frames", uint64_t{0})},
                        {"vcpus_online", row.value("vcpus_online", uint64_t{0})}});
    }
    std::sort(rows.begin(), rows.end(),
              [](const json &a, const json &b) { return a.value("cpu_percent", 0.0) > b.value("cpu_percent", 0.0); });
    return rows;
}

std::string top_text(const json &rows) {
    Table table({{"NAME"}, {"ID", true}, {"CPU/%", true}, {"MEM/MiB", true}, {"VCPUS", true}, {"STATE"}});
    for (const json &row : rows) {
        table.add({row.value("name", ""), number(row, "id"), fmt::format("{:.1f}", row.value("cpu_percent", 0.0)),
                   std::to_string(row.value("memory_frames", uint64_t{0}) / 256), number(row, "vcpus_online"),
                   row.value("state", "")});
    }
    return table.text();
}

Outcome<void> top(const Context &context, const TopOptions &options) {
    Client client = TRY(context.connect());
    json before = TRY(client.request("list"));
    Clock::time_point then = Clock::now();
    const bool screen = isatty(STDOUT_FILENO) != 0 && !context.json;
    for (uint64_t shown = 0; options.times == 0 || shown < options.times; ++shown) {
        std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
        json after = TRY(client.request("list"));
        const Clock::time_point now = Clock::now();
        fmt::print("{}", screen ? "\x1b[H\x1b[2J" : "");
        context.show(usage_between(before, after, now - then), top_text);
        std::fflush(stdout);
        before = std::move(after);
        then = now;
    }
    return {};
}

}  // namespace

void add_schedule_commands(CLI::App &app, Context &context) {
    const auto domain = std::make_shared<std::string>();
    add_command(app, context, "vcpu-list", "show where vCPUs run and may run", [&context, domain]() -> Outcome<void> {
        context.show(TRY(context.ask("vcpu-list", {{"domain", *domain}})), vcpus_text);
        return {};
    })->add_option("DOMAIN", *domain, "name or number; otherwise all");

    add_vcpu_set(app, context);
    const auto pinned = std::make_shared<PinOptions>();
    CLI::App *command = add_command(app, context, "vcpu-pin", "say on which CPUs a vCPU may run",
                                    [&context, pinned] { return pin(context, *pinned); });
    command->add_option("DOMAIN", pinned->domain, "name or number")->required();
    command->add_option("VCPU", pinned->vcpu, "its number, or all")->required();
    command->add_option("CPUS", pinned->cpus, "like 0-3,^1, or all")->required();
    command->add_option("PREFERRED", pinned->preferred, "CPUs on which it had rather run");

    const auto scheduled = std::make_shared<ScheduleOptions>();
    command = add_command(app, context, "sched", "show or set weights, caps and pools",
                          [&context, scheduled] { return schedule(context, *scheduled); });
    command->add_option("DOMAIN", scheduled->domain, "name or number; otherwise all");
    command->add_option("-w,--weight", scheduled->weight, "1 to 65535: twice the weight, twice the time");
    command->add_option("-c,--cap", scheduled->cap, "per cent of one CPU, of all its vCPUs together; 0: no limit");
    command->add_option("-p,--pool", scheduled->pool, "the pool of CPUs on which it runs");

    const auto watched = std::make_shared<TopOptions>();
    command = add_command(app, context, "top", "show who uses the CPUs",
                          [&context, watched] { return top(context, *watched); });
    command->add_option("-d,--delay", watched->seconds, "seconds between two looks (2)")
        ->check(CLI::Range(0.1, 3600.0));
    command->add_option("-n,--times", watched->times, "how often (until Ctrl-C)");
}

}  // namespace ringfold::tools
