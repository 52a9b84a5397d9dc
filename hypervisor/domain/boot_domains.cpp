// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/boot_domains.hpp"

#include "hypervisor/boot/command_line.hpp"
#include "hypervisor/domain/builder.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/memory_size.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/machine_memory.hpp"

#include <ringfold/vcpu.h>

#include <span>
#include <string_view>

namespace ringfold {

namespace {

constexpr uint64_t default_memory = uint64_t{16} << 20;
constexpr uint64_t default_control_memory = uint64_t{256} << 20;
constexpr std::string_view separator = " -- ";

// The last part of the module's file name, if its text begins with one; otherwise "guest".
std::string_view default_name(std::string_view text) {
    const std::string_view first = text.substr(0, text.find(' '));
    if (first.empty() || first.find('=') != std::string_view::npos) {
        return "guest";
    }
    return first.substr(first.rfind('/') + 1);  // npos + 1 is 0
}

// The number that `options` gives for `key`, or `absent`; what is no number up to `largest` is an error.
Result<uint64_t> number_or(const CommandLine &options, std::string_view key, uint64_t absent, uint64_t largest) {
    const Result<uint64_t> number = options.number(key, largest);
    if (!number.ok() && number.error() == Error::not_found && !options.has(key)) {
        return absent;
    }
    return number.ok() ? Result<uint64_t>{number.value()} : Result<uint64_t>{number.error()};
}

// Whether a crash of the control domain restarts the machine.
Result<bool> read_crash_action(const CommandLine &options) {
    const std::string_view action = options.value("on_crash").value_or("stop");
    if (action != "stop" && action != "restart") {
        return Error::malformed;
    }
    return action == "restart";
}

Result<void> read_options(const CommandLine &options, DomainConfiguration &configuration) {
    if (const auto name = options.value("name")) {
        configuration.name = *name;
    }
    configuration.is_control = options.has("dom0");
    configuration.is_identical = configuration.is_control;
    configuration.restarts_machine = TRY(read_crash_action(options));
    uint64_t bytes = configuration.is_control ? default_control_memory : default_memory;
    if (const auto size = options.value("memory")) {
        bytes = TRY(parse_memory_size(*size));
    }
    configuration.memory = FrameCount::holding(bytes);
    configuration.port_limit =
        static_cast<uint32_t>(TRY(number_or(options, "ports", RINGFOLD_EVENT_DEFAULT_LIMIT, RINGFOLD_EVENT_PORTS - 1)));
    const uint64_t rights = configuration.is_control ? RINGFOLD_RIGHTS_ALL : 0;
    configuration.rights = Rights{TRY(number_or(options, "rights", rights, RINGFOLD_RIGHTS_ALL))};
    configuration.vcpus = static_cast<uint32_t>(TRY(number_or(options, "vcpus", 1, RINGFOLD_MAX_VCPUS)));
    configuration.first_cpu = CpuId{static_cast<uint16_t>(TRY(number_or(options, "cpu", 0, 63)))};
    return {};
}

std::span<const std::byte> bytes_of(const BootModule &module) {
    return std::span{pointer_to<const std::byte>(module.begin), module.end - module.begin};
}

// Not a kernel: what the kernel before it finds as its module.
bool is_ramdisk(const BootInformation &information, std::size_t index) {
    const std::string_view text = information.text_of(information.modules[index]);
    return CommandLine{text.substr(0, text.find(separator))}.has("ramdisk");
}

Result<void> build_module(const BootInformation &information, std::size_t index, DomainId id) {
    const BootModule &module = information.modules[index];
    std::string_view text = information.text_of(module);
    DomainConfiguration configuration{};
    configuration.name = default_name(text);
    if (const std::size_t end = text.find(separator); end != std::string_view::npos) {
        configuration.command_line = text.substr(end + separator.size());
        text = text.substr(0, end);
    }
    configuration.kernel = bytes_of(module);
    if (index + 1 < information.modules.size() && is_ramdisk(information, index + 1)) {
        configuration.module = bytes_of(information.modules[index + 1]);
    }
    const Result<void> options = read_options(CommandLine{text}, configuration);
    if (!options.ok()) {
        log_error(
            "module {}: memory=SIZE[K|M|G] vcpus=1..64 cpu=0..63 rights=0..0xff dom0 on_crash=stop|restart expected in \"{}\"",
            id, text);
        return options.error();
    }
    return build_domain(id, configuration);
}

}  // namespace

void build_boot_domains(const BootInformation &information) {
    uint16_t number = 1;
    for (std::size_t index = 0; index < information.modules.size(); ++index) {
        if (is_ramdisk(information, index)) {
            if (index == 0 || is_ramdisk(information, index - 1)) {
                log_error("module {}: a ramdisk has to follow its kernel", index + 1);
                note_failed_domain();
            }
            continue;
        }
        if (!build_module(information, index, DomainId{number}).ok()) {
            note_failed_domain();
        }
        ++number;
    }
}

}  // namespace ringfold
