// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/terminal.hpp"

#include <fmt/core.h>
#include <unistd.h>

namespace ringfold::tools {

namespace {

struct StreamChoice {
    std::string domain;
    bool follow = false;
    bool no_history = false;
    bool log = false;
    bool path = false;
};

// Each line of a stream as an element of an array.
Outcome<void> show_as_json(const Context &context, const std::string &command, const nlohmann::json &arguments,
                           bool lines_are_json) {
    Client client = TRY(context.connect());
    TRY(client.request(command, arguments));
    std::string text = client.take_rest();
    char bytes[4096];
    for (ssize_t length = 0; (length = read(client.descriptor(), bytes, sizeof bytes)) > 0;) {
        text.append(bytes, static_cast<std::size_t>(length));
    }
    nlohmann::json lines = nlohmann::json::array();
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        lines.push_back(lines_are_json ? nlohmann::json::parse(line, nullptr, false) : nlohmann::json(line));
        begin = end + 1;
    }
    context.show(lines, nothing);
    return {};
}

Outcome<void> show_path(const Context &context, const std::string &domain) {
    const nlohmann::json answer = TRY(context.ask("describe", {{"domain", domain}}));
    const auto path = answer.at("terminal").get<std::string>();
    if (path.empty()) {
        return Failure{Kind::unsupported, fmt::format("{} has no terminal: hvctl event-log says why", domain)};
    }
    context.show({{"path", path}}, [](const nlohmann::json &shown) { return shown.value("path", "") + "\n"; });
    return {};
}

Outcome<void> console(const Context &context, const StreamChoice &choice) {
    if (choice.path) {
        return show_path(context, choice.domain);
    }
    if (context.json && (!choice.log || choice.follow)) {
        return Failure{Kind::usage, "--json shows what there is: with --log, without --follow"};
    }
    if (context.json) {
        return show_as_json(context, "console", {{"domain", choice.domain}, {"follow", false}}, false);
    }
    Client client = TRY(context.connect());
    const bool follow = !choice.log || choice.follow;
    TRY(client.request("console", {{"domain", choice.domain}, {"follow", follow}, {"history", !choice.no_history}}));
    const bool attached = !choice.log;
    if (attached && isatty(STDIN_FILENO) != 0) {
        fmt::print(stderr, "[{}: Ctrl-] detaches]\r\n", choice.domain);
    }
    const StreamEnd end = TRY(show_stream(client, attached));
    if (attached && isatty(STDIN_FILENO) != 0) {
        fmt::print(stderr, "\r\n[{}]\r\n", end == StreamEnd::detached ? "detached" : "the guest has ended");
    }
    return {};
}

// Lines, one object each, or an array of the lines as JSON.
Outcome<void> show_log(const Context &context, const std::string &command, const StreamChoice &choice) {
    Client client = TRY(context.connect());
    TRY(client.request(command, {{"follow", choice.follow}, {"history", !choice.no_history}}));
    TRY(show_stream(client, false));
    return {};
}

void add_log(CLI::App &app, Context &context, const std::string &name, const std::string &summary, bool is_json) {
    const auto choice = std::make_shared<StreamChoice>();
    CLI::App *command = add_command(app, context, name, summary, [&context, choice, name, is_json] {
        return context.json ? show_as_json(context, name, {{"follow", false}}, is_json)
                            : show_log(context, name, *choice);
    });
    command->add_flag("-f,--follow", choice->follow, "go on with what is still to come");
    command->add_flag("--new", choice->no_history, "leave out what was before");
}

}  // namespace

void add_stream_commands(CLI::App &app, Context &context) {
    const auto choice = std::make_shared<StreamChoice>();
    CLI::App *command = add_command(app, context, "console", "attach to a guest's console, from its first byte on",
                                    [&context, choice] { return console(context, *choice); });
    command->add_option("DOMAIN", choice->domain, "name or number; also of a guest that is gone")->required();
    command->add_flag("--new", choice->no_history, "leave out what was before");
    command->add_flag("--log", choice->log, "only show what there is; do not attach");
    command->add_flag("-f,--follow", choice->follow, "with --log: go on with what is still to come");
    command->add_flag("--path", choice->path,
                      "say which terminal is its console, for screen or minicom; do not attach");
    add_log(app, context, "dmesg", "show the hypervisor's log", false);
    add_log(app, context, "event-log", "show what became of guests, a line of JSON each", true);
}

}  // namespace ringfold::tools
