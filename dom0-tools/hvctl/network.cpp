// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/device.hpp"
#include "dom0-tools/hvctl/table.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

using nlohmann::json;

std::string mebibytes(const json &row, const char *key) { return std::to_string(row.value(key, uint64_t{0}) >> 20); }

std::string networks_text(const json &rows) {
    Table table({{"NUMBER", true},
                 {"MAC"},
                 {"STATE"},
                 {"INTERFACE"},
                 {"BRIDGE"},
                 {"QUEUES", true},
                 {"SENT", true},
                 {"MiB", true},
                 {"RECEIVED", true},
                 {"MiB", true}});
    for (const json &row : rows) {
        table.add({number(row, "number"), row.value("mac", ""), row.value("state", ""), row.value("interface", ""),
                   row.value("bridge", ""), number(row, "queues"), number(row, "sent_packets"),
                   mebibytes(row, "sent_bytes"), number(row, "received_packets"), mebibytes(row, "received_bytes")});
    }
    return table.text();
}

struct NetworkOptions {
    std::string domain;
    std::string network;
    bool force = false;
};

void add_list(CLI::App &app, Context &context) {
    const auto domain = std::make_shared<std::string>();
    CLI::App *command = add_command(
        app, context, "network-list", "show the network interfaces of a guest", [&context, domain]() -> Outcome<void> {
            context.show(TRY(context.ask("network-list", {{"domain", *domain}})), networks_text);
            return {};
        });
    command->add_option("DOMAIN", *domain, "name or number")->required();
}

Outcome<void> attach(const Context &context, const NetworkOptions &options) {
    context.show(TRY(context.ask("network-attach", {{"domain", options.domain}, {"network", options.network}})),
                 [](const json &answer) {
                     return fmt::format("{} {}\n", answer.value("interface", ""), answer.value("mac", ""));
                 });
    return {};
}

void add_attach(CLI::App &app, Context &context) {
    const auto options = std::make_shared<NetworkOptions>();
    CLI::App *command = add_command(app, context, "network-attach", "give a running guest a network interface",
                                    [&context, options] { return attach(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("NETWORK", options->network, "as in a configuration: bridge=br0,mac=02:00:00:00:00:01");
}

Outcome<void> detach(const Context &context, const NetworkOptions &options) {
    Client client = TRY(context.connect());
    const json answer = TRY(client.request(
        "network-detach", {{"domain", options.domain}, {"network", options.network}, {"force", options.force}}));
    TRY(wait_until_gone(client, options.domain, "network-list", "number", answer.at("number"),
                        kept_by_guest(options.domain, "interface " + options.network)));
    context.show(json::object(), nothing);
    return {};
}

void add_detach(CLI::App &app, Context &context) {
    const auto options = std::make_shared<NetworkOptions>();
    CLI::App *command =
        add_command(app, context, "network-detach", "take a network interface away from a running guest",
                    [&context, options] { return detach(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("NUMBER", options->network, "or MAC, as network-list shows them")->required();
    command->add_flag("-F,--force", options->force, "without asking the guest");
}

Outcome<void> reset(const Context &context, const NetworkOptions &options) {
    TRY(context.ask("network-reset", {{"domain", options.domain}, {"network", options.network}}));
    context.show(json::object(), nothing);
    return {};
}

void add_reset(CLI::App &app, Context &context) {
    const auto options = std::make_shared<NetworkOptions>();
    CLI::App *command = add_command(app, context, "network-reset",
                                    "end the connection of a guest to its network interfaces; it connects again",
                                    [&context, options] { return reset(context, *options); });
    command->add_option("DOMAIN", options->domain, "name or number")->required();
    command->add_option("NUMBER", options->network, "or MAC, as network-list shows them; without it: all interfaces");
}

}  // namespace

void add_network_commands(CLI::App &app, Context &context) {
    add_list(app, context);
    add_attach(app, context);
    add_detach(app, context);
    add_reset(app, context);
}

}  // namespace ringfold::tools
