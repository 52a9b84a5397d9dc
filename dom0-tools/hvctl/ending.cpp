// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

struct EndOptions {
    std::vector<std::string> domains;
    bool all = false;
    bool wait = false;
    bool force = false;
};

Outcome<std::vector<std::string>> names_of(Client &client, const EndOptions &options) {
    if (options.all == !options.domains.empty()) {
        return Failure{Kind::usage, "expected either domains or --all"};
    }
    std::vector<std::string> names = options.domains;
    if (options.all) {
        for (const nlohmann::json &row : TRY(client.request("list"))) {
            const std::string state = row.value("state", "");
            if (!row.value("control", true) && (state == "running" || state == "paused")) {
                names.push_back(row.value("name", ""));
            }
        }
    }
    return names;
}

// All are tried; the first failure is reported at the end, the others on the way.
Outcome<void> end(const Context &context, const EndOptions &options, bool reboot) {
    Client client = TRY(context.connect());
    nlohmann::json ended = nlohmann::json::array();
    Outcome<void> result;
    for (const std::string &name : TRY(names_of(client, options))) {
        const Outcome<nlohmann::json> answer =
            client.request("shutdown", {{"domain", name}, {"reboot", reboot}, {"force", options.force}});
        if (answer.ok()) {
            ended.push_back(answer.value());
        } else if (result.ok()) {
            result = answer.error();
        } else {
            fmt::print(stderr, "hvctl: {}\n", answer.error().text);
        }
    }
    if (options.wait && !ended.empty()) {
        TRY(client.request("wait", {{"guests", ended}}));
    }
    if (context.json && result.ok()) {
        fmt::print("{}\n", ended.dump(2));
    }
    return result;
}

void add_end(CLI::App &app, Context &context, const std::string &name, const std::string &summary, bool reboot) {
    const auto options = std::make_shared<EndOptions>();
    CLI::App *command = add_command(app, context, name, summary,
                                    [&context, options, reboot] { return end(context, *options, reboot); });
    command->add_option("DOMAIN", options->domains, "names or numbers");
    command->add_flag("-a,--all", options->all, "every guest that runs");
    command->add_flag("-w,--wait", options->wait, "return when they have ended");
    command->add_flag("-F,--force", options->force, "do not ask the guest: end it as if it had done so");
}

void add_system_request(CLI::App &app, Context &context) {
    const auto words = std::make_shared<std::pair<std::string, std::string>>();
    CLI::App *command =
        add_command(app, context, "sysrq", "press a SysRq key in a guest", [&context, words]() -> Outcome<void> {
            context.show(TRY(context.ask("sysrq", {{"domain", words->first}, {"key", words->second}})),
                         [](const nlohmann::json &) { return std::string{}; });
            return {};
        });
    command->add_option("DOMAIN", words->first, "name or number")->required();
    command->add_option("KEY", words->second, "like t: what its kernel shows for h lists them")->required();
}

Outcome<void> destroy(const Context &context, const EndOptions &options) {
    Client client = TRY(context.connect());
    for (const std::string &domain : TRY(names_of(client, options))) {
        const Outcome<nlohmann::json> answer = client.request("destroy", {{"domain", domain}});
        const bool is_gone = !answer.ok() && answer.error().kind == Kind::not_found;
        if (!answer.ok() && !(options.all && is_gone)) {  // it may just have ended by itself
            return answer.error();
        }
    }
    context.show(nlohmann::json::object(), nothing);
    return {};
}

void add_destroy(CLI::App &app, Context &context) {
    const auto options = std::make_shared<EndOptions>();
    CLI::App *command = add_command(app, context, "destroy", "end guests at once and give back what they have",
                                    [&context, options] { return destroy(context, *options); });
    command->add_option("DOMAIN", options->domains, "names or numbers");
    command->add_flag("-a,--all", options->all, "every guest that runs");
}

}  // namespace

void add_ending_commands(CLI::App &app, Context &context) {
    add_end(app, context, "shutdown", "let guests power off", false);
    add_end(app, context, "reboot", "let guests reboot", true);
    add_system_request(app, context);
    add_destroy(app, context);
}

}  // namespace ringfold::tools
