// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/disk_config.hpp"

#include "dom0-tools/library/device_text.hpp"
#include "dom0-tools/library/values.hpp"

#include <ringfold/device.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace ringfold::tools {

namespace {

using Key = DeviceKey<DiskConfig>;

constexpr uint32_t letters = 26;
constexpr uint32_t most_disks = RINGFOLD_CONTROL_DEVICES;

Outcome<void> set_target(DiskConfig &disk, std::string_view text) {
    disk.target = text;
    return text.empty() ? Outcome<void>{wrong("target is empty: the path of a block device or a file")}
                        : Outcome<void>{};
}

Outcome<void> check_format(DiskConfig &, std::string_view text) {
    if (text.empty() || text == "raw") {
        return {};
    }
    return Failure{Kind::unsupported,
                   fmt::format("format \"{}\": only raw is served; qemu-nbd makes a block device of others", text)};
}

Outcome<void> set_number(DiskConfig &disk, std::string_view text) {
    if (text.empty()) {
        return {};
    }
    std::string_view name = text;
    for (const std::string_view prefix : {"rd", "xvd", "sd", "hd"}) {
        if (name.starts_with(prefix)) {
            name.remove_prefix(prefix.size());
            break;
        }
    }
    uint32_t number = 0;
    for (const char letter : name) {
        if (letter < 'a' || letter > 'z' || number > most_disks) {
            number = 0;
            break;
        }
        number = number * letters + static_cast<uint32_t>(letter - 'a') + 1;
    }
    if (number == 0 || number > most_disks || name.size() == text.size()) {
        return wrong(fmt::format("vdev \"{}\": expected rda to {}", text, disk_name(most_disks - 1)));
    }
    disk.number = number - 1;
    return {};
}

Outcome<void> set_access(DiskConfig &disk, std::string_view text) {
    constexpr std::array<std::string_view, 4> known{"rw", "w", "ro", "r"};
    const auto found = std::ranges::find(known, text);
    if (found == known.end() && !text.empty()) {
        return wrong(fmt::format("access \"{}\": expected rw or ro", text));
    }
    disk.read_only = text == "ro" || text == "r";
    return {};
}

Outcome<void> set_queues(DiskConfig &disk, std::string_view text) {
    disk.queues = static_cast<uint32_t>(TRY(parse_number(text, 1, RINGFOLD_DEVICE_QUEUES)));
    return {};
}

Outcome<void> set_rate(DiskConfig &disk, std::string_view text) {
    disk.rate = TRY(parse_rate(text));
    return {};
}

Outcome<void> check_backend(DiskConfig &, std::string_view text) {
    return text.empty() || text == "phy"
               ? Outcome<void>{}
               : Failure{Kind::unsupported, fmt::format("backendtype \"{}\": disks are served by the kernel", text)};
}

// The first ones in the order of xl's short form.
constexpr std::array keys{
    Key{"target", set_target},         Key{"format", check_format}, Key{"vdev", set_number},
    Key{"access", set_access},         Key{"queues", set_queues},   Key{"rate", set_rate},
    Key{"backendtype", check_backend},
};
constexpr std::size_t short_keys = 4;

}  // namespace

std::string disk_name(uint32_t number) {
    std::string name;
    for (++number; number > 0; number = (number - 1) / letters) {
        name.insert(name.begin(), static_cast<char>('a' + (number - 1) % letters));
    }
    return "rd" + name;
}

Outcome<DiskConfig> parse_disk(std::string_view text, uint32_t number) {
    DiskConfig disk;
    disk.number = number;
    TRY(set_from_text(disk, text, keys, short_keys));
    return disk.target.empty() ? Outcome<DiskConfig>{wrong(fmt::format("\"{}\": target is missing", text))}
                               : Outcome<DiskConfig>{disk};
}

nlohmann::json to_json(const DiskConfig &disk) {
    return {{"target", disk.target}, {"vdev", disk_name(disk.number)},
            {"number", disk.number}, {"access", disk.read_only ? "ro" : "rw"},
            {"queues", disk.queues}, {"rate", disk.rate}};
}

DiskConfig disk_from_json(const nlohmann::json &json) {
    DiskConfig disk;
    disk.target = json.at("target").get<std::string>();
    disk.number = json.at("number").get<uint32_t>();
    disk.read_only = json.at("access").get<std::string>() == "ro";
    disk.queues = json.at("queues").get<uint32_t>();
    disk.rate = json.value("rate", uint64_t{0});  // records of an earlier version have none
    return disk;
}

}  // namespace ringfold::tools
