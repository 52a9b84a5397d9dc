// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/config_file.hpp"

#include "dom0-tools/library/mapped_file.hpp"
#include "dom0-tools/library/nearest.hpp"
#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <vector>

namespace ringfold::tools {

namespace {

using Node = const toml::node &;
using Set = Outcome<void> (*)(DomainConfig &, Node);

std::string_view type_of(Node node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::string:
            return "a text";
        case toml::node_type::integer:
            return "a whole number";
        case toml::node_type::floating_point:
            return "a number with a fraction";
        case toml::node_type::boolean:
            return "true or false";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            return "a date or time";
        case toml::node_type::none:
            break;
    }
    return "nothing";
}

Failure expected(std::string_view what, Node node) {
    return wrong(fmt::format("expected {}, found {}", what, type_of(node)));
}

Outcome<std::string> text_in(Node node) {
    const auto text = node.value_exact<std::string>();
    return text ? Outcome<std::string>{*text} : expected("a text in quotes", node);
}

Outcome<uint64_t> number_in(Node node, int64_t least, int64_t most) {
    const auto number = node.value_exact<int64_t>();
    if (!number) {
        return expected(fmt::format("a number from {} to {}", least, most), node);
    }
    if (*number < least || *number > most) {
        return wrong(fmt::format("{}: expected a number from {} to {}", *number, least, most));
    }
    return static_cast<uint64_t>(*number);
}

Outcome<uint64_t> mebibytes_in(Node node) {
    if (const auto text = node.value_exact<std::string>()) {
        return parse_mebibytes(*text);
    }
    return number_in(node, 1, int64_t{1} << 32);
}

Outcome<uint64_t> cpus_in(Node node) {
    if (node.is_integer()) {
        return uint64_t{1} << TRY(number_in(node, 0, 63));
    }
    return parse_cpus(TRY(text_in(node)));
}

template <std::string DomainConfig::*member>
Outcome<void> set_text(DomainConfig &config, Node node) {
    config.*member = TRY(text_in(node));
    return {};
}

template <uint32_t DomainConfig::*member, int64_t least, int64_t most>
Outcome<void> set_number(DomainConfig &config, Node node) {
    config.*member = static_cast<uint32_t>(TRY(number_in(node, least, most)));
    return {};
}

template <uint64_t DomainConfig::*member>
Outcome<void> set_mebibytes(DomainConfig &config, Node node) {
    config.*member = TRY(mebibytes_in(node));
    return {};
}

template <EndAction DomainConfig::*member>
Outcome<void> set_action(DomainConfig &config, Node node) {
    const std::string name = TRY(text_in(node));
    const auto action = end_action_named(name);
    if (!action) {
        return wrong(fmt::format("\"{}\": expected one of {}", name, end_action_names()));
    }
    config.*member = *action;
    return {};
}

// Several lines are one, as `extra` and `root` of xl.
Outcome<void> add_to_command_line(DomainConfig &config, Node node) {
    const std::string text = TRY(text_in(node));
    config.command_line += config.command_line.empty() || text.empty() ? text : " " + text;
    return {};
}

Outcome<void> set_root(DomainConfig &config, Node node) {
    const std::string text = TRY(text_in(node));
    config.command_line = "root=" + text + (config.command_line.empty() ? "" : " ") + config.command_line;
    return {};
}

Outcome<void> set_cpus(DomainConfig &config, Node node) {
    config.cpus.clear();
    const toml::array *list = node.as_array();
    if (list == nullptr) {
        config.cpus.push_back(TRY(cpus_in(node)));
        return {};
    }
    for (const toml::node &element : *list) {
        config.cpus.push_back(TRY(cpus_in(element)));
    }
    return {};
}

Outcome<void> check_type(DomainConfig &, Node node) {
    const std::string type = TRY(text_in(node));
    return type == "pv" ? Outcome<void>{}
                        : wrong(fmt::format("\"{}\": expected \"pv\": Ringfold's guests are paravirtualized", type));
}

// A list of texts, one for each device.
template <typename Device, std::vector<Device> DomainConfig::*member,
          Outcome<Device> (*parse)(std::string_view text, uint32_t number)>
Outcome<void> set_devices(DomainConfig &config, Node node) {
    const toml::array *list = node.as_array();
    if (list == nullptr) {
        return expected("a list of texts", node);
    }
    std::vector<Device> &devices = config.*member;
    devices.clear();
    for (const toml::node &element : *list) {
        const std::string text = TRY(text_in(element));
        devices.push_back(TRY(parse(text, static_cast<uint32_t>(devices.size()))));
    }
    return {};
}

// Nothing of it is there yet; an empty list asks for nothing.
Outcome<void> not_supported(DomainConfig &, Node node) {
    const toml::array *list = node.as_array();
    if (list != nullptr && list->empty()) {
        return {};
    }
    return Failure{Kind::unsupported, "not supported yet: this version has no device of this kind for guests"};
}

struct Key {
    std::string_view name;
    Set set;
};

// In the order in which they are applied.
constexpr std::array keys{
    Key{"name", set_text<&DomainConfig::name>},
    Key{"type", check_type},
    Key{"kernel", set_text<&DomainConfig::kernel>},
    Key{"ramdisk", set_text<&DomainConfig::ramdisk>},
    Key{"cmdline", add_to_command_line},
    Key{"root", set_root},
    Key{"extra", add_to_command_line},
    Key{"memory", set_mebibytes<&DomainConfig::memory_mib>},
    Key{"maxmem", set_mebibytes<&DomainConfig::maximum_mib>},
    Key{"vcpus", set_number<&DomainConfig::vcpus, 1, 64>},
    Key{"maxvcpus", set_number<&DomainConfig::maximum_vcpus, 1, 64>},
    Key{"cpus", set_cpus},
    Key{"cpu_weight", set_number<&DomainConfig::weight, 1, 65535>},
    Key{"cap", set_number<&DomainConfig::cap, 0, 6400>},
    Key{"pool", set_number<&DomainConfig::pool, 0, 7>},
    Key{"on_poweroff", set_action<&DomainConfig::on_poweroff>},
    Key{"on_reboot", set_action<&DomainConfig::on_reboot>},
    Key{"on_crash", set_action<&DomainConfig::on_crash>},
    Key{"on_watchdog", set_action<&DomainConfig::on_watchdog>},
    Key{"disk", set_devices<DiskConfig, &DomainConfig::disks, parse_disk>},
    Key{"vif", set_devices<NetworkConfig, &DomainConfig::networks, parse_network>},
    Key{"pci", not_supported},
    Key{"usbdev", not_supported},
    Key{"vfb", not_supported},
    Key{"vtpm", not_supported},
    Key{"p9", not_supported},
};

constexpr auto known_names = [] {
    std::array<std::string_view, keys.size()> names;
    for (std::size_t index = 0; index < keys.size(); ++index) {
        names[index] = keys[index].name;
    }
    return names;
}();

// Where something stands: "FILE:LINE", or the option that says it.
struct Table {
    const toml::table *content;
    std::function<std::string(const toml::source_region &)> place;
};

Outcome<void> refuse_unknown_keys(const Table &table) {
    for (const auto &[key, value] : *table.content) {
        if (std::ranges::find(known_names, key.str()) != known_names.end()) {
            continue;
        }
        return wrong(fmt::format("{}: unknown key \"{}\"{}", table.place(key.source()), key.str(),
                                 suggestion(key.str(), known_names)));
    }
    return {};
}

Outcome<void> apply_tables(DomainConfig &config, std::span<const Table> tables) {
    for (const Table &table : tables) {
        TRY(refuse_unknown_keys(table));
    }
    for (const Key &key : keys) {
        // The last one says it.
        for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
            const toml::node *node = table->content->get(key.name);
            if (node == nullptr) {
                continue;
            }
            const Outcome<void> set = key.set(config, *node);
            if (!set.ok()) {
                return Failure{set.error().kind,
                               fmt::format("{}: {}: {}", table->place(node->source()), key.name, set.error().text)};
            }
            break;
        }
    }
    return {};
}

Outcome<toml::table> parse_setting(const std::string &setting) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
        return Failure{Kind::usage, fmt::format("--set {}: expected KEY=VALUE", setting)};
    }
    if (toml::parse_result parsed = toml::parse(setting)) {
        return std::move(parsed).table();
    }
    const auto trim = [](std::string text) {
        text.erase(0, text.find_first_not_of(' '));
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    };
    toml::table table;
    table.insert(trim(setting.substr(0, equals)), trim(setting.substr(equals + 1)));
    return table;
}

}  // namespace

Outcome<DomainConfig> read_config(std::string_view text, const std::string &file,
                                  std::span<const std::string> settings) {
    toml::parse_result parsed = toml::parse(text);
    if (!parsed) {
        return wrong(fmt::format("{}:{}: {}", file, parsed.error().source().begin.line,
                                 std::string_view{parsed.error().description()}));
    }
    std::vector<toml::table> set;
    for (const std::string &setting : settings) {
        set.push_back(TRY(parse_setting(setting)));
    }
    std::vector<Table> tables{
        {&parsed.table(), [&](const toml::source_region &at) { return fmt::format("{}:{}", file, at.begin.line); }}};
    for (std::size_t index = 0; index < set.size(); ++index) {
        tables.push_back({&set[index], [&, index](const toml::source_region &) { return "--set " + settings[index]; }});
    }
    DomainConfig config;
    TRY(apply_tables(config, tables));
    const Outcome<void> checked = check_config(config);
    return checked.ok() ? Outcome<DomainConfig>{config} : during(file.empty() ? "the settings" : file, checked.error());
}

Outcome<DomainConfig> load_config(const std::string &file, std::span<const std::string> settings) {
    MappedFile content;
    if (!file.empty()) {
        Outcome<MappedFile> opened = MappedFile::open(file);
        if (!opened.ok()) {
            return Failure{Kind::configuration, opened.error().text};
        }
        content = opened.take();
    }
    DomainConfig config = TRY(read_config(content.text(), file, settings));
    config.kernel = std::filesystem::absolute(config.kernel).lexically_normal();
    if (!config.ramdisk.empty()) {
        config.ramdisk = std::filesystem::absolute(config.ramdisk).lexically_normal();
    }
    for (DiskConfig &disk : config.disks) {
        disk.target = std::filesystem::absolute(disk.target).lexically_normal();
    }
    return config;
}

}  // namespace ringfold::tools
