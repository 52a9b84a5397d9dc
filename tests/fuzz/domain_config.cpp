// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: any text as a guest's configuration, and what is set on the command line: the lines at its end that
// begin with "--set ". What is accepted keeps the limits of hvctl-domain(5), and reaches hvd as it is. What is refused
// is refused with a text that names a line of the file, or the option, or else something that no single line says.
#include "dom0-tools/library/config_file.hpp"
#include "memory_peak.hpp"

#include <ringfold/device.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ringfold::tools;

constexpr std::string_view file = "guest.toml";
constexpr std::string_view option = "--set ";
constexpr std::size_t most_memory = std::size_t{64} << 20;  // for inputs of 64 KiB
constexpr uint64_t most_mebibytes = uint64_t{1} << 32;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

struct Input {
    std::string_view text;
    std::vector<std::string> settings;
};

Input split(std::string_view bytes) {
    const std::string separator = "\n" + std::string{option};
    Input input;
    std::size_t end = bytes.find(separator);
    input.text = bytes.substr(0, end);
    while (end != std::string_view::npos) {
        bytes.remove_prefix(end + separator.size());
        end = bytes.find(separator);
        input.settings.emplace_back(bytes.substr(0, end));
    }
    return input;
}

bool is_text(std::string_view text) { return text.find('\0') == std::string_view::npos; }

void check_devices(const DomainConfig &config) {
    require(config.disks.size() + config.networks.size() <= RINGFOLD_CONTROL_DEVICES);
    uint64_t numbers = 0;
    for (const DiskConfig &disk : config.disks) {
        require(!disk.target.empty() && is_text(disk.target) && disk.queues <= RINGFOLD_DEVICE_QUEUES);
        require(disk.number < RINGFOLD_CONTROL_DEVICES && (numbers >> disk.number & 1) == 0);
        numbers |= uint64_t{1} << disk.number;
    }
    for (std::size_t index = 0; index < config.networks.size(); ++index) {
        const NetworkConfig &network = config.networks[index];
        require(network.number == index && network.queues <= RINGFOLD_DEVICE_QUEUES && is_text(network.bridge));
        require(network.bridge.size() < 16 && network.mtu >= 68 && network.mtu <= 65535);
        require(!network.address || ((network.address->bytes[0] & 1) == 0 && network.address != HardwareAddress{}));
    }
}

void check_limits(const DomainConfig &config) {
    require(is_domain_name(config.name) && !config.kernel.empty());
    require(is_text(config.kernel) && is_text(config.ramdisk) && is_text(config.command_line));
    require(config.memory_mib >= 1 && config.memory_mib <= most_mebibytes && config.maximum_mib <= most_mebibytes);
    require(config.maximum().raw() >= config.memory().raw());
    require(config.vcpus >= 1 && config.most_vcpus() <= 64);
    require(config.maximum_vcpus == 0 || config.maximum_vcpus >= config.vcpus);
    require(std::ranges::all_of(config.cpus, [](uint64_t set) { return set != 0; }));
    require(config.weight >= 1 && config.weight <= 65535 && config.cap <= 6400 && config.pool <= 7);
    check_devices(config);
}

// As it goes from hvctl to hvd; what was left out is filled in there.
void check_passage(DomainConfig config) {
    const auto arrived = config_from_json(nlohmann::json::parse(to_json(config).dump()));
    require(arrived.ok());
    config.maximum_mib = config.maximum_mib == 0 ? config.memory_mib : config.maximum_mib;
    config.maximum_vcpus = config.maximum_vcpus == 0 ? config.vcpus : config.maximum_vcpus;
    require(arrived.value() == config);
}

void check_mistake(const Failure &failure, const Input &input) {
    require(failure.kind == Kind::configuration || failure.kind == Kind::unsupported || failure.kind == Kind::usage);
    std::string_view text = failure.text;
    if (text.starts_with(option)) {
        require(!input.settings.empty());
        return;
    }
    require(text.starts_with(file) && text.size() > file.size() + 2);
    text.remove_prefix(file.size());
    if (text.starts_with(": ")) {
        return;
    }
    long line = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), line);
    require(text.starts_with(':') && error == std::errc{} && end + 2 < text.data() + text.size());
    require(end[0] == ':' && end[1] == ' ' && line >= 1 && line <= 1 + std::ranges::count(input.text, '\n'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t size) {
    const Input input = split({reinterpret_cast<const char *>(data), size});
    const MemoryPeak peak;
    const Outcome<DomainConfig> config = read_config(input.text, std::string{file}, input.settings);
    require(peak.bytes() <= most_memory);
    if (config.ok()) {
        check_limits(config.value());
        check_passage(config.value());
    } else {
        check_mistake(config.error(), input);
    }
    return 0;
}
