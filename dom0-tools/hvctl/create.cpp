// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/terminal.hpp"
#include "dom0-tools/library/config_file.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

struct CreateOptions {
    std::string file;
    std::vector<std::string> settings;
    bool console = false;
    bool paused = false;
    bool dry_run = false;
};

std::string created_text(const nlohmann::json &guest) {
    return fmt::format("{} is domain {}\n", guest.value("name", ""), guest.value("id", 0U));
}

Outcome<void> create(const Context &context, const CreateOptions &options) {
    const DomainConfig config = TRY(load_config(options.file, options.settings));
    if (options.dry_run) {
        context.show(to_json(config), [](const nlohmann::json &json) { return json.dump(2) + "\n"; });
        return {};
    }
    Client client = TRY(context.connect());
    const nlohmann::json guest =
        TRY(client.request("create", {{"config", to_json(config)}, {"paused", options.paused}}));
    if (!options.console) {
        context.show(guest, created_text);
        return {};
    }
    TRY(client.request("console", {{"domain", config.name}, {"follow", true}}));
    TRY(show_stream(client, true));
    return {};
}

}  // namespace

void add_creating_commands(CLI::App &app, Context &context) {
    const auto options = std::make_shared<CreateOptions>();
    CLI::App *command = add_command(app, context, "create", "make a guest from a configuration and start it",
                                    [&context, options] { return create(context, *options); });
    command->add_option("FILE", options->file, "the configuration, TOML; see hvctl-domain(5)");
    command
        ->add_option("--set", options->settings, "KEY=VALUE: replaces what the file says; can be given several times")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_flag("-c,--console", options->console, "attach to its console; Ctrl-] detaches");
    command->add_flag("-p,--paused", options->paused, "do not let it run yet: `hvctl unpause` does");
    command->add_flag("-n,--dry-run", options->dry_run,
                      "only check the configuration, and show it as it is understood");
}

}  // namespace ringfold::tools
