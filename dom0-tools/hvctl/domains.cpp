// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/table.hpp"
#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

#include <array>
#include <filesystem>
#include <string_view>

namespace ringfold::tools {

namespace {

using nlohmann::json;

// As much as the table shows: there may be many domains.
enum ShownField { name, id, memory, target, maximum, online, vcpus, state, run_time };
constexpr std::array<std::string_view, 9> shown_fields{
    "name", "id", "memory_frames", "target_frames", "maximum_frames", "vcpus_online", "vcpus", "state", "run_time_ns"};

// What it has, what it was told to have if that is something else, and the most.
std::string memory_text(const json &row) {
    const auto mebibytes = [&row](ShownField field) { return row.at(field).get<uint64_t>() / 256; };
    const std::string to = mebibytes(target) == mebibytes(memory) ? "" : fmt::format(">{}", mebibytes(target));
    return fmt::format("{}{}/{}", mebibytes(memory), to, mebibytes(maximum));
}

// Of lists of shown_fields.
std::string list_text(const json &rows) {
    Table table({{"NAME"}, {"ID", true}, {"MEM/MiB", true}, {"VCPUS", true}, {"STATE"}, {"TIME/s", true}});
    const auto number = [](const json &value) { return value.get<uint64_t>(); };
    for (const json &row : rows) {
        table.add({row.at(name).get<std::string>(), std::to_string(number(row.at(id))), memory_text(row),
                   fmt::format("{}/{}", number(row.at(online)), number(row.at(vcpus))),
                   row.at(state).get<std::string>(), format_seconds(number(row.at(run_time)))});
    }
    return table.text();
}

// As hvd would have listed them.
json to_lists(const json &described) {
    json rows = json::array();
    for (const json &domain : described) {
        json row = json::array();
        for (const std::string_view field : shown_fields) {
            row.push_back(domain.at(std::string{field}));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

Outcome<void> list(const Context &context, const std::vector<std::string> &domains, bool with_config) {
    Client client = TRY(context.connect());
    if (domains.empty() && !with_config) {
        const json fields = context.json ? json::object() : json{{"fields", shown_fields}};
        context.show(TRY(client.request("list", fields)), list_text);
        return {};
    }
    json rows = json::array();
    for (const std::string &domain : domains) {
        rows.push_back(TRY(client.request("describe", {{"domain", domain}})));
    }
    if (with_config) {
        if (domains.empty()) {
            return Failure{Kind::usage, "--config: expected domains"};
        }
        context.show(rows, [](const json &all) { return all.dump(2) + "\n"; });
    } else {
        context.show(rows, [](const json &all) { return list_text(to_lists(all)); });
    }
    return {};
}

// A command about one domain, that says nothing when it is done.
void add_simple(CLI::App &app, Context &context, const std::string &name, const std::string &summary) {
    const auto domain = std::make_shared<std::string>();
    CLI::App *command = add_command(app, context, name, summary, [&context, domain, name]() -> Outcome<void> {
        context.show(TRY(context.ask(name, {{"domain", *domain}})), nothing);
        return {};
    });
    command->add_option("DOMAIN", *domain, "name or number")->required();
}

void add_rename(CLI::App &app, Context &context) {
    const auto names = std::make_shared<std::pair<std::string, std::string>>();
    CLI::App *command =
        add_command(app, context, "rename", "give a guest another name", [&context, names]() -> Outcome<void> {
            context.show(TRY(context.ask("rename", {{"domain", names->first}, {"to", names->second}})), nothing);
            return {};
        });
    command->add_option("DOMAIN", names->first, "name or number")->required();
    command->add_option("NAME", names->second, "the new name")->required();
}

std::string core_text(const json &answer) {
    const uint64_t missing = answer.value("missing", uint64_t{0});
    return fmt::format("{} pages, {} vCPUs, {} segments{}\n", answer.value("pages", uint64_t{0}),
                       answer.value("vcpus", 0), answer.value("segments", uint64_t{0}),
                       missing == 0 ? "" : fmt::format("; {} pages are not the guest's any more", missing));
}

void add_dump_core(CLI::App &app, Context &context) {
    const auto names = std::make_shared<std::pair<std::string, std::string>>();
    CLI::App *command = add_command(
        app, context, "dump-core", "write a guest's memory and registers as an ELF core file",
        [&context, names]() -> Outcome<void> {
            const std::string path = std::filesystem::absolute(names->second);
            context.show(TRY(context.ask("dump-core", {{"domain", names->first}, {"path", path}})), core_text);
            return {};
        });
    command->add_option("DOMAIN", names->first, "name or number")->required();
    command->add_option("FILE", names->second, "where to; `gdb vmlinux FILE` and `crash vmlinux FILE` open it")
        ->required();
}

void add_registers(CLI::App &app, Context &context) {
    const auto domain = std::make_shared<std::string>();
    CLI::App *command = add_command(app, context, "registers", "show the registers of a guest's vCPUs",
                                    [&context, domain]() -> Outcome<void> {
                                        context.show(TRY(context.ask("registers", {{"domain", *domain}})),
                                                     [](const json &answer) { return answer.value("text", ""); });
                                        return {};
                                    });
    command->add_option("DOMAIN", *domain, "name or number")->required();
}

}  // namespace

void add_domain_commands(CLI::App &app, Context &context) {
    const auto domains = std::make_shared<std::vector<std::string>>();
    const auto with_config = std::make_shared<bool>(false);
    CLI::App *command = add_command(app, context, "list", "show which domains there are",
                                    [=, &context] { return list(context, *domains, *with_config); });
    command->add_option("DOMAIN", *domains, "names or numbers; otherwise all");
    command->add_flag("-l,--config", *with_config, "with their configurations, as JSON");
    add_simple(app, context, "pause", "stop a guest until it is unpaused");
    add_simple(app, context, "unpause", "let a paused guest go on");
    add_simple(app, context, "suspend", "tell a guest to stop its programs and sleep");
    add_simple(app, context, "resume", "wake a guest that was told to suspend");
    add_rename(app, context);
    add_registers(app, context);
    add_dump_core(app, context);
}

}  // namespace ringfold::tools
