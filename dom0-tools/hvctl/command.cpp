// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"

#include "dom0-tools/library/json_text.hpp"
#include "dom0-tools/library/nearest.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace ringfold::tools {

Outcome<nlohmann::json> Context::ask(const std::string &command, const nlohmann::json &arguments) const {
    Client client = TRY(connect());
    return client.request(command, arguments);
}

void Context::show(const nlohmann::json &answer, const std::function<std::string(const nlohmann::json &)> &text) const {
    // What guests write need not be text.
    const std::string shown = json ? json_text(answer, 2) + "\n" : text(answer);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
}

std::string nothing(const nlohmann::json &) { return {}; }

CLI::App *add_command(CLI::App &app, Context &context, const std::string &name, const std::string &summary,
                      std::function<Outcome<void>()> run) {
    CLI::App *command = app.add_subcommand(name, summary);
    command->add_flag("--json", context.json, "answer as JSON");
    command->callback([&context, run = std::move(run)] { context.chosen = run; });
    return command;
}

Outcome<std::string> complete_command(const std::string &word, const std::vector<std::string> &commands) {
    std::vector<std::string> meant;
    for (const std::string &command : commands) {
        if (command == word) {
            return word;
        }
        if (command.starts_with(word)) {
            meant.push_back(command);
        }
    }
    if (meant.size() == 1) {
        return meant.front();
    }
    if (!meant.empty()) {
        std::string list;
        for (const std::string &command : meant) {
            list += (list.empty() ? "" : ", ") + command;
        }
        return Failure{Kind::usage, fmt::format("\"{}\" may be {}", word, list)};
    }
    const std::vector<std::string_view> known(commands.begin(), commands.end());
    const std::string close = suggestion(word, known);
    return Failure{Kind::usage, fmt::format("there is no command \"{}\"{}", word,
                                            close.empty() ? "; `hvctl --help` lists them" : close)};
}

}  // namespace ringfold::tools
