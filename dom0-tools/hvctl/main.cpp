// SPDX-License-Identifier: Apache-2.0
//
// hvctl: what a user types to make, watch and end guests. Its exit status is 0, or that of the failure's kind
// (library/outcome.cpp).
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/guest_init.hpp"

#include <fmt/core.h>

#include <csignal>

namespace ringfold::tools {

namespace {

std::vector<std::string> names_of(const CLI::App &app) {
    std::vector<std::string> names;
    for (const CLI::App *command : app.get_subcommands([](const CLI::App *) { return true; })) {
        names.push_back(command->get_name());
    }
    return names;
}

// The first word that is no option, nor an option's value, is the command: written out, if it is a prefix of one.
Outcome<std::vector<std::string>> complete_arguments(const CLI::App &app, std::vector<std::string> words) {
    for (std::size_t index = 0; index < words.size(); ++index) {
        if (words[index] == "--socket") {
            ++index;
        } else if (!words[index].starts_with('-')) {
            words[index] = TRY(complete_command(words[index], names_of(app)));
            break;
        }
    }
    return words;
}

int fail(const Failure &failure) {
    fmt::print(stderr, "hvctl: {}\n", failure.text);
    return exit_status(failure.kind);
}

// What is asked for goes to hvd as JSON, which is UTF-8.
Outcome<void> do_chosen(const Context &context) {
    try {
        return context.chosen();
    } catch (const nlohmann::json::exception &error) {
        return Failure{Kind::usage, fmt::format("a text is not UTF-8, or an answer not as expected: {}", error.what())};
    }
}

int run(int argument_count, char **arguments) {
    Context context;
    CLI::App app{"Makes, shows and ends the guests of a Ringfold machine, in its control domain.", "hvctl"};
    app.require_subcommand(1);
    app.add_option("--socket", context.socket, "where hvd listens (/run/ringfold/hvd.sock)");
    app.set_version_flag("--version", RINGFOLD_VERSION);
    app.footer("A command may be shortened as long as it is clear. Exit status: see hvctl(1).");
    add_creating_commands(app, context);
    add_run_command(app, context);
    add_domain_commands(app, context);
    add_memory_commands(app, context);
    add_ending_commands(app, context);
    add_block_commands(app, context);
    add_network_commands(app, context);
    add_stream_commands(app, context);
    add_gdb_command(app, context);
    add_schedule_commands(app, context);
    add_pool_commands(app, context);
    add_trace_commands(app, context);
    add_machine_commands(app, context);
    Outcome<std::vector<std::string>> words =
        complete_arguments(app, std::vector<std::string>(arguments + 1, arguments + argument_count));
    if (!words.ok()) {
        return fail(words.error());
    }
    std::vector<std::string> reversed(words.value().rbegin(), words.value().rend());
    try {
        app.parse(reversed);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? 0 : exit_status(Kind::usage);
    }
    const Outcome<void> done = do_chosen(context);
    if (done.ok()) {
        return context.status;
    }
    const int status = fail(done.error());
    return context.failure_status.value_or(status);
}

}  // namespace

}  // namespace ringfold::tools

int main(int argument_count, char **arguments) {
    if (ringfold::tools::is_guest_init(arguments[0])) {
        ringfold::tools::run_guest_init();
    }
    signal(SIGPIPE, SIG_IGN);
    return ringfold::tools::run(argument_count, arguments);
}
