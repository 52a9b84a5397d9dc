// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/domain_config.hpp"

#include <ringfold/device.h>
#include <ringfold/domain.h>
#include <ringfold/schedule.h>
#include <ringfold/vcpu.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>

namespace ringfold::tools {

namespace {

struct ActionName {
    EndAction action;
    std::string_view name;
};

constexpr std::array actions{
    ActionName{EndAction::destroy, "destroy"},
    ActionName{EndAction::restart, "restart"},
    ActionName{EndAction::preserve, "preserve"},
    ActionName{EndAction::coredump_destroy, "coredump-destroy"},
    ActionName{EndAction::coredump_restart, "coredump-restart"},
};

Outcome<EndAction> action_from(const nlohmann::json &json, const char *key) {
    const std::string name = json.at(key).get<std::string>();
    if (const auto action = end_action_named(name)) {
        return *action;
    }
    return wrong(fmt::format("{} = \"{}\": expected one of {}", key, name, end_action_names()));
}

}  // namespace

std::string_view name_of(EndAction action) {
    for (const ActionName &row : actions) {
        if (row.action == action) {
            return row.name;
        }
    }
    return {};
}

std::optional<EndAction> end_action_named(std::string_view name) {
    for (const ActionName &row : actions) {
        if (row.name == name) {
            return row.action;
        }
    }
    return std::nullopt;
}

std::string end_action_names() {
    std::string names;
    for (const ActionName &row : actions) {
        names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", row.name);
    }
    return names;
}

bool is_domain_name(std::string_view name) {
    const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
    const bool number = std::ranges::all_of(name, [](unsigned char c) { return std::isdigit(c) != 0; });
    return !name.empty() && name.size() < RINGFOLD_DOMAIN_NAME_SIZE && std::ranges::all_of(name, allowed) && !number &&
           name.front() != '-' && name.front() != '.';
}

std::string domain_name_rule() {
    return fmt::format(
        "a name has 1 to {} letters, digits, '-', '_' and '.', begins with none of '-' and '.', and is not a number",
        RINGFOLD_DOMAIN_NAME_SIZE - 1);
}

namespace {

Outcome<void> check_disks(const std::vector<DiskConfig> &disks) {
    for (std::size_t index = 0; index < disks.size(); ++index) {
        for (std::size_t other = 0; other < index; ++other) {
            if (disks[other].number == disks[index].number) {
                return wrong(fmt::format("disk: {} and {} are both {}", disks[other].target, disks[index].target,
                                         disk_name(disks[index].number)));
            }
        }
    }
    return {};
}

Outcome<void> check_networks(const std::vector<NetworkConfig> &networks) {
    for (std::size_t index = 0; index < networks.size(); ++index) {
        for (std::size_t other = 0; other < index; ++other) {
            if (networks[index].address && networks[index].address == networks[other].address) {
                return wrong(fmt::format("vif: two interfaces have mac {}", networks[index].address->text()));
            }
        }
    }
    return {};
}

template <typename Device>
nlohmann::json list_json(const std::vector<Device> &devices) {
    nlohmann::json list = nlohmann::json::array();
    for (const Device &device : devices) {
        list.push_back(to_json(device));
    }
    return list;
}

}  // namespace

Outcome<void> check_config(const DomainConfig &config) {
    if (!is_domain_name(config.name)) {
        return wrong(config.name.empty() ? "name is missing"
                                         : fmt::format("name = \"{}\": {}", config.name, domain_name_rule()));
    }
    if (config.kernel.empty()) {
        return wrong("kernel is missing: the path of an ELF image or a bzImage");
    }
    if (config.maximum_mib != 0 && config.maximum_mib < config.memory_mib) {
        return wrong(fmt::format("maxmem = {} is less than memory = {}", config.maximum_mib, config.memory_mib));
    }
    if (config.maximum_vcpus != 0 && config.maximum_vcpus < config.vcpus) {
        return wrong(fmt::format("maxvcpus = {} is less than vcpus = {}", config.maximum_vcpus, config.vcpus));
    }
    const uint32_t vcpus = config.most_vcpus();
    if (vcpus < 1 || vcpus > RINGFOLD_MAX_VCPUS) {
        return wrong(fmt::format("vcpus = {}: expected 1 to {}", vcpus, RINGFOLD_MAX_VCPUS));
    }
    if (config.memory_mib < 1 || config.maximum_mib > uint64_t{1} << 32 || config.memory_mib > uint64_t{1} << 32) {
        return wrong(
            fmt::format("memory = {} and maxmem = {}: expected 1 MiB to 4 PiB", config.memory_mib, config.maximum_mib));
    }
    if (config.weight < 1 || config.weight > RINGFOLD_WEIGHT_MAX) {
        return wrong(fmt::format("cpu_weight = {}: expected 1 to {}", config.weight, RINGFOLD_WEIGHT_MAX));
    }
    if (config.cap > RINGFOLD_CAP_MAX) {
        return wrong(fmt::format("cap = {}: expected 0 (none) to {}", config.cap, RINGFOLD_CAP_MAX));
    }
    if (config.pool >= RINGFOLD_POOL_COUNT) {
        return wrong(fmt::format("pool = {}: expected 0 to {}", config.pool, RINGFOLD_POOL_COUNT - 1));
    }
    const std::size_t devices = config.disks.size() + config.networks.size();
    if (devices > RINGFOLD_CONTROL_DEVICES) {
        return wrong(fmt::format("disk and vif: {} devices: expected at most {}", devices, RINGFOLD_CONTROL_DEVICES));
    }
    TRY(check_disks(config.disks));
    return check_networks(config.networks);
}

nlohmann::json to_json(const DomainConfig &config) {
    return {{"name", config.name},
            {"kernel", config.kernel},
            {"ramdisk", config.ramdisk},
            {"cmdline", config.command_line},
            {"memory", config.memory_mib},
            {"maxmem", config.maximum_mib == 0 ? config.memory_mib : config.maximum_mib},
            {"vcpus", config.vcpus},
            {"maxvcpus", config.maximum_vcpus == 0 ? config.vcpus : config.maximum_vcpus},
            {"cpus", config.cpus},
            {"cpu_weight", config.weight},
            {"cap", config.cap},
            {"pool", config.pool},
            {"disk", list_json(config.disks)},
            {"vif", list_json(config.networks)},
            {"on_poweroff", name_of(config.on_poweroff)},
            {"on_reboot", name_of(config.on_reboot)},
            {"on_crash", name_of(config.on_crash)},
            {"on_watchdog", name_of(config.on_watchdog)}};
}

Outcome<DomainConfig> config_from_json(const nlohmann::json &json) {
    DomainConfig config;
    try {
        config.name = json.at("name").get<std::string>();
        config.kernel = json.at("kernel").get<std::string>();
        config.ramdisk = json.at("ramdisk").get<std::string>();
        config.command_line = json.at("cmdline").get<std::string>();
        config.memory_mib = json.at("memory").get<uint64_t>();
        config.maximum_mib = json.at("maxmem").get<uint64_t>();
        config.vcpus = json.at("vcpus").get<uint32_t>();
        config.maximum_vcpus = json.at("maxvcpus").get<uint32_t>();
        config.cpus = json.at("cpus").get<std::vector<uint64_t>>();
        config.weight = json.at("cpu_weight").get<uint32_t>();
        config.cap = json.at("cap").get<uint32_t>();
        config.pool = json.value("pool", config.pool);  // what an older hvd wrote has none
        for (const nlohmann::json &disk : json.value("disk", nlohmann::json::array())) {
            config.disks.push_back(disk_from_json(disk));
        }
        for (const nlohmann::json &network : json.value("vif", nlohmann::json::array())) {
            config.networks.push_back(network_from_json(network));
        }
        config.on_poweroff = TRY(action_from(json, "on_poweroff"));
        config.on_reboot = TRY(action_from(json, "on_reboot"));
        config.on_crash = TRY(action_from(json, "on_crash"));
        config.on_watchdog = TRY(action_from(json, "on_watchdog"));
    } catch (const nlohmann::json::exception &exception) {
        return wrong(fmt::format("a configuration that is not complete: {}", exception.what()));
    }
    TRY(check_config(config));
    return config;
}

}  // namespace ringfold::tools
