// SPDX-License-Identifier: Apache-2.0
//
// What the hypervisor does, as a timeline.
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <filesystem>

namespace ringfold::tools {

namespace {

using nlohmann::json;

std::string names_text(const json &names) {
    std::string text;
    for (const json &name : names) {
        text += (text.empty() ? "" : ", ") + name.get<std::string>();
    }
    return text;
}

std::string state_text(const json &answer) {
    const json &by = answer.at("by");
    if (answer.value("tracing", false)) {
        return "hvd traces " + names_text(answer.at("classes"));
    }
    return by.is_null()
               ? "nobody traces"
               : fmt::format("{} traces {}, not for hvd", by.get<std::string>(), names_text(answer.at("classes")));
}

std::string losses_text(const json &answer) {
    std::string text;
    if (const auto dropped = answer.value("dropped", uint64_t{0}); dropped != 0) {
        text += fmt::format("; {} older ones were dropped (--records {} keeps more)", dropped,
                            2 * answer.value("limit", uint64_t{0}));
    }
    if (const auto lost = answer.value("lost", uint64_t{0}); lost != 0) {
        text += fmt::format("; {} are lost, they came faster than they were read", lost);
    }
    return text;
}

std::string status_text(const json &answer) {
    std::string text = state_text(answer) + "\n";
    if (answer.value("limit", uint64_t{0}) != 0) {
        text += fmt::format("{} records of {} s, at most {}{}\n", answer.value("records", uint64_t{0}),
                            format_seconds(answer.value("time_ns", uint64_t{0})), answer.value("limit", uint64_t{0}),
                            losses_text(answer));
    }
    return text;
}

std::string export_text(const json &answer) {
    return fmt::format("{} slices and {} instant events of {} s{}\n", answer.value("slices", uint64_t{0}),
                       answer.value("instants", uint64_t{0}), format_seconds(answer.value("time_ns", uint64_t{0})),
                       losses_text(answer));
}

void add_start(CLI::App &trace, Context &context) {
    struct Options {
        std::string classes = "all";
        uint64_t records = 0;
    };
    const auto options = std::make_shared<Options>();
    CLI::App *command = add_command(trace, context, "start", "begin; what was recorded before is gone",
                                    [&context, options]() -> Outcome<void> {
                                        json arguments{{"classes", options->classes}};
                                        if (options->records != 0) {
                                            arguments["records"] = options->records;
                                        }
                                        context.show(TRY(context.ask("trace-start", arguments)), nothing);
                                        return {};
                                    });
    command->add_option(
        "-c,--classes", options->classes,
        "all, or some of hypercalls, entries, scheduling, events, grants, memory, interrupts (with commas)");
    command->add_option("-n,--records", options->records, "keep so many, the newest ones (500000)")
        ->check(CLI::PositiveNumber);
}

void add_question(CLI::App &trace, Context &context, const std::string &name, const std::string &summary) {
    add_command(trace, context, name, summary, [&context, name]() -> Outcome<void> {
        context.show(TRY(context.ask("trace-" + name)), status_text);
        return {};
    });
}

void add_export(CLI::App &trace, Context &context) {
    const auto file = std::make_shared<std::string>();
    CLI::App *command = add_command(trace, context, "export", "write what was recorded as Chrome trace JSON",
                                    [&context, file]() -> Outcome<void> {
                                        const std::string path = std::filesystem::absolute(*file);
                                        context.show(TRY(context.ask("trace-export", {{"path", path}})), export_text);
                                        return {};
                                    });
    command->add_option("FILE", *file, "where to; ui.perfetto.dev and chrome://tracing open it")->required();
}

}  // namespace

void add_trace_commands(CLI::App &app, Context &context) {
    CLI::App *trace = app.add_subcommand("trace", "record what the hypervisor does, as a timeline");
    trace->require_subcommand(1);
    add_start(*trace, context);
    add_question(*trace, context, "status", "show who traces, and how much is recorded");
    add_question(*trace, context, "stop", "end it; what was recorded stays until the next start");
    add_export(*trace, context);
}

}  // namespace ringfold::tools
