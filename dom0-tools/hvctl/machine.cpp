// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace ringfold::tools {

namespace {

using nlohmann::json;

// "key: value" lines, the keys as they are in the JSON.
std::string pairs_text(const json &answer) {
    std::size_t width = 0;
    for (const auto &[key, value] : answer.items()) {
        width = std::max(width, key.size());
    }
    std::string text;
    for (const auto &[key, value] : answer.items()) {
        if (!value.is_object()) {
            text +=
                fmt::format("{:<{}}  {}\n", key, width, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
    return text;
}

std::string stats_text(const json &answer) {
    std::string text = pairs_text(answer) + "\nhypercalls\n";
    const json calls = answer.value("hypercalls", json::object());
    for (const auto &[name, count] : calls.items()) {
        text += fmt::format("  {:<28}{:>14}\n", name, count.get<uint64_t>());
    }
    return text;
}

std::string version_text(const json &answer) {
    return fmt::format("tools {} (ABI {}), hypervisor ABI {}, build {}{}\n", answer.value("tools", ""),
                       answer.value("tools_abi", ""), answer.value("abi", ""), answer.value("build", ""),
                       answer.value("debug", false) ? ", debug" : "");
}

void add_question(CLI::App &app, Context &context, const std::string &name, const std::string &summary,
                  std::string (*text)(const json &)) {
    add_command(app, context, name, summary, [&context, name, text]() -> Outcome<void> {
        context.show(TRY(context.ask(name)), text);
        return {};
    });
}

}  // namespace

void add_machine_commands(CLI::App &app, Context &context) {
    add_question(app, context, "info", "show the machine and its hypervisor", pairs_text);
    const auto domain = std::make_shared<std::string>();
    add_command(app, context, "stats", "show the hypervisor's counters", [&context, domain]() -> Outcome<void> {
        const json arguments = domain->empty() ? json::object() : json{{"domain", *domain}};
        context.show(TRY(context.ask("stats", arguments)), stats_text);
        return {};
    })->add_option("DOMAIN", *domain, "name or number: what happened while it was on a CPU; otherwise of the machine");
    add_question(app, context, "version", "show versions of tools and hypervisor", version_text);
    const auto keys = std::make_shared<std::string>();
    CLI::App *command = add_command(app, context, "debug-keys", "press the hypervisor's debug keys; h lists them",
                                    [&context, keys]() -> Outcome<void> {
                                        context.show(TRY(context.ask("debug-keys", {{"keys", *keys}})),
                                                     [](const json &answer) { return answer.value("text", ""); });
                                        return {};
                                    });
    command->add_option("KEYS", *keys, "one or more characters")->required();
}

}  // namespace ringfold::tools
