// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/crash_bundle.hpp"

#include "dom0-tools/library/registers_text.hpp"

#include <ringfold/domain.h>

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

// What failed stands where it would have been.
Outcome<void> write_or_say(const std::filesystem::path &path, const Outcome<std::string> &text) {
    return write_file(path, text.ok() ? text.value() : fmt::format("not there: {}\n", text.error().text));
}

std::string description(const Guest &guest, const ringfold_domain_info &info) {
    const nlohmann::json json{{"name", guest.name},
                              {"id", info.domain},
                              {"life", guest.life},
                              {"shutdown_reason", info.shutdown_reason},
                              {"shutdown_code", info.shutdown_code},
                              {"owned_frames", info.owned_frames},
                              {"run_time", info.run_time},
                              {"vcpus", info.vcpu_count},
                              {"config", guest.config ? to_json(*guest.config) : nlohmann::json{}}};
    return json.dump(2) + "\n";
}

}  // namespace

Outcome<std::string> describe_registers(const Hypervisor &hypervisor, const Guest &guest) {
    TRY(hypervisor.pause(guest.id));
    std::string text;
    const Outcome<ringfold_domain_info> info = hypervisor.describe(guest.id);
    for (uint32_t vcpu = 0; info.ok() && vcpu < info.value().vcpu_count; ++vcpu) {
        const Outcome<ringfold_vcpu_registers> registers = hypervisor.registers(guest.id, vcpu);
        text += registers.ok() ? registers_text(vcpu, registers.value()) : fmt::format("vCPU {}: offline\n", vcpu);
    }
    TRY(hypervisor.unpause(guest.id));
    return text;
}

Outcome<std::filesystem::path> keep_crash_bundle(const Hypervisor &hypervisor, const Guest &guest,
                                                 const ringfold_domain_info &info, const OutputLog &log) {
    const std::filesystem::path folder = guest.directory / fmt::format("crash-{}", guest.life);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        return system_failure(folder.string(), error.value());
    }
    TRY(write_file(folder / "domain.json", description(guest, info)));
    TRY(write_or_say(folder / "console", guest.console ? guest.console->text_from(0)
                                                       : Outcome<std::string>{Failure{Kind::failed, "no log"}}));
    TRY(write_or_say(folder / "hypervisor-log", log.text_from(0)));
    TRY(write_or_say(folder / "registers", describe_registers(hypervisor, guest)));
    return folder;
}

}  // namespace ringfold::tools
