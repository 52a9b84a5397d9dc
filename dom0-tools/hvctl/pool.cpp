// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/table.hpp"

namespace ringfold::tools {

namespace {

using nlohmann::json;

std::string pools_text(const json &rows) {
    Table table({{"POOL", true}, {"CPUS"}, {"MODE"}, {"DOMAINS", true}});
    for (const json &row : rows) {
        table.add({number(row, "pool"), row.value("cpus", ""), row.value("mode", ""), number(row, "domains")});
    }
    return table.text();
}

struct PoolOptions {
    std::string pool;
    std::string value;  // CPUs, or a mode
};

// A command that asks hvd for the command of the same name, with `argument` beside the pool.
void add_change(CLI::App &app, Context &context, const std::string &name, const std::string &summary,
                const std::string &argument, const std::string &operand, const std::string &help) {
    const auto options = std::make_shared<PoolOptions>();
    const auto run = [&context, options, name, argument]() -> Outcome<void> {
        context.show(TRY(context.ask(name, {{"pool", options->pool}, {argument, options->value}})), nothing);
        return {};
    };
    CLI::App *command = add_command(app, context, name, summary, run);
    command->add_option("POOL", options->pool, "0 to 7; every CPU and every domain begins in pool 0")->required();
    command->add_option(operand, options->value, help)->required();
}

}  // namespace

void add_pool_commands(CLI::App &app, Context &context) {
    add_command(app, context, "pool-list", "show the pools of CPUs", [&context]() -> Outcome<void> {
        context.show(TRY(context.ask("pool-list")), pools_text);
        return {};
    });
    add_change(app, context, "pool-cpus", "move CPUs to a pool from those that they are in", "cpus", "CPUS",
               "like 0-3,^1");
    add_change(app, context, "pool-mode", "say how vCPUs get the CPUs of a pool that no domain is in", "mode", "MODE",
               "shared, or one-to-one: each vCPU owns a CPU");
}

}  // namespace ringfold::tools
