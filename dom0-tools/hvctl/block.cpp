// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/device.hpp"
#include "dom0-tools/hvctl/table.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

using nlohmann::json;

std::string disks_text(const json &rows) {
    Table table({{"VDEV"},
                 {"STATE"},
                 {"ACCESS"},
                 {"MiB", true},
                 {"QUEUES", true},
                 {"REQUESTS", true},
                 {"MiB DONE", true},
                 {"TARGET"}});
    for (const json &row : rows) {
        table.add({row.value("vdev", ""), row.value("state", ""), row.value("access", ""),
                   std::to_string(row.value("sectors", uint64_t{0}) >> 11), number(row, "queues"),
                   number(row, "requests"), std::to_string(row.value("bytes", uint64_t{0}) >> 20),
                   row.value("target", "")});
    }
    return table.text();
}

struct DiskOptions {
    std::string domain;
    std::string disk;
    bool force = false;
};

void add_list(CLI::App &app, Context &context) {
    const auto domain = std::make_shared<std::string>();
    CLI::App *command =
        add_command(app, context, "block-list", "show the disks of a guest", [&context, domain]() -> Outcome<void> {
            context.show(TRY(context.ask("block-list", {{"domain", *domain}})), disks_text);
            return {};
        });
    command->add_option("DOMAIN", *domain, "name or number")->required();
}

Outcome<void> attach(const Context &context, const DiskOptions &options) {
    context.show(TRY(context.ask("block-attach", {{"domain", options.domain}, {"disk", options.disk}})),
                 [](const json &answer) { return answer.value("vdev", "") + "\n"; });
    return {};
}

void add_attach(CLI::App &app, Context &context) {
    const auto options = std::make_shared<DiskOptions>();
    CLI::App *command = add_command(app, context, "block-attach", "give a running guest a disk",
                                    [&context, options] { return attach(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("DISK", options->disk, "as in a configuration: target=PATH,vdev=rdb,access=ro")->required();
}

Outcome<void> detach(const Context &context, const DiskOptions &options) {
    Client client = TRY(context.connect());
    TRY(client.request("block-detach", {{"domain", options.domain}, {"vdev", options.disk}, {"force", options.force}}));
    // What is taken by force is gone for the guest; only the target can keep it.
    const std::string why = options.force
                                ? fmt::format(
                                      "{} has lost {}, but its target has not answered yet what it was asked; until it "
                                      "has, nobody else may write to it",
                                      options.domain, options.disk)
                                : kept_by_guest(options.domain, options.disk + " (is it mounted there?)");
    TRY(wait_until_gone(client, options.domain, "block-list", "vdev", options.disk, why));
    context.show(json::object(), nothing);
    return {};
}

void add_detach(CLI::App &app, Context &context) {
    const auto options = std::make_shared<DiskOptions>();
    CLI::App *command = add_command(app, context, "block-detach", "take a disk away from a running guest",
                                    [&context, options] { return detach(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("VDEV", options->disk, "like rdb, as block-list shows it")->required();
    command->add_flag("-F,--force", options->force, "without asking the guest: what it writes now is lost");
}

Outcome<void> reset(const Context &context, const DiskOptions &options) {
    TRY(context.ask("block-reset", {{"domain", options.domain}, {"vdev", options.disk}}));
    context.show(json::object(), nothing);
    return {};
}

void add_reset(CLI::App &app, Context &context) {
    const auto options = std::make_shared<DiskOptions>();
    CLI::App *command =
        add_command(app, context, "block-reset", "end the connection of a guest to its disks; it connects again",
                    [&context, options] { return reset(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("VDEV", options->disk, "like rdb, as block-list shows it; without it: all disks");
}

Outcome<void> resize(const Context &context, const DiskOptions &options) {
    context.show(
        TRY(context.ask("block-resize", {{"domain", options.domain}, {"vdev", options.disk}})), [](const json &answer) {
            return fmt::format("{} has {} MiB\n", answer.value("vdev", ""), answer.value("sectors", uint64_t{0}) >> 11);
        });
    return {};
}

void add_resize(CLI::App &app, Context &context) {
    const auto options = std::make_shared<DiskOptions>();
    CLI::App *command = add_command(app, context, "block-resize", "tell a guest how large its disk's target is now",
                                    [&context, options] { return resize(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("VDEV", options->disk, "like rdb, as block-list shows it")->required();
}

}  // namespace

void add_block_commands(CLI::App &app, Context &context) {
    add_list(app, context);
    add_attach(app, context);
    add_detach(app, context);
    add_reset(app, context);
    add_resize(app, context);
}

}  // namespace ringfold::tools
