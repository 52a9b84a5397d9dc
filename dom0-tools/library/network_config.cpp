// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/network_config.hpp"

#include "dom0-tools/library/device_text.hpp"
#include "dom0-tools/library/values.hpp"

#include <net/if.h>
#include <ringfold/device.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace ringfold::tools {

namespace {

using Key = DeviceKey<NetworkConfig>;

constexpr uint8_t group_bit = 1;
constexpr uint8_t local_bit = 2;
constexpr std::size_t address_length = 17;  // of the text

Outcome<void> set_address(NetworkConfig &network, std::string_view text) {
    network.address = TRY(parse_hardware_address(text));
    return {};
}

Outcome<void> set_bridge(NetworkConfig &network, std::string_view text) {
    network.bridge = text;
    return !text.empty() && text.size() < IFNAMSIZ && text.find_first_of("/ :") == std::string_view::npos
               ? Outcome<void>{}
               : wrong(fmt::format("bridge \"{}\": expected the name of an interface", text));
}

Outcome<void> set_mtu(NetworkConfig &network, std::string_view text) {
    network.mtu = static_cast<uint32_t>(TRY(parse_number(text, 68, 65535)));
    return {};
}

Outcome<void> set_queues(NetworkConfig &network, std::string_view text) {
    network.queues = static_cast<uint32_t>(TRY(parse_number(text, 1, RINGFOLD_DEVICE_QUEUES)));
    return {};
}

Outcome<void> set_rate(NetworkConfig &network, std::string_view text) {
    network.rate = TRY(parse_rate(text));
    return {};
}

Outcome<void> check_type(NetworkConfig &, std::string_view text) {
    return text == "vif" ? Outcome<void>{}
                         : Failure{Kind::unsupported, fmt::format("type \"{}\": no hardware is emulated", text)};
}

constexpr std::array keys{Key{"bridge", set_bridge}, Key{"mac", set_address},   Key{"mtu", set_mtu},
                          Key{"rate", set_rate},     Key{"queues", set_queues}, Key{"type", check_type}};

std::optional<HardwareAddress> address_in(std::string_view text) {
    HardwareAddress address;
    if (text.size() != address_length) {
        return std::nullopt;
    }
    for (std::size_t index = 0; index < address.bytes.size(); ++index) {
        const char *digits = text.data() + 3 * index;
        const auto [end, error] = std::from_chars(digits, digits + 2, address.bytes[index], 16);
        const bool separated = index + 1 == address.bytes.size() || digits[2] == ':';
        if (error != std::errc{} || end != digits + 2 || !separated) {
            return std::nullopt;
        }
    }
    return address;
}

}  // namespace

std::string HardwareAddress::text() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                       bytes[5]);
}

Outcome<HardwareAddress> parse_hardware_address(std::string_view text) {
    const auto address = address_in(text);
    if (!address) {
        return wrong(fmt::format("mac \"{}\": expected six bytes like 02:00:00:00:00:01", text));
    }
    if ((address->bytes[0] & group_bit) != 0 || *address == HardwareAddress{}) {
        return wrong(fmt::format("mac \"{}\": expected the address of one interface, not of a group", text));
    }
    return *address;
}

// FNV-1a, 64 bits (RFC draft-eastlake-fnv): what it must be is stable and spread.
HardwareAddress generated_address(std::string_view guest, uint32_t number) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char letter : fmt::format("{}/{}", guest, number)) {
        hash = (hash ^ static_cast<uint8_t>(letter)) * 0x100000001b3;
    }
    HardwareAddress address;
    for (uint8_t &byte : address.bytes) {
        byte = static_cast<uint8_t>(hash);
        hash >>= 8;
    }
    address.bytes[0] = static_cast<uint8_t>((address.bytes[0] & ~group_bit) | local_bit);
    return address;
}

Outcome<NetworkConfig> parse_network(std::string_view text, uint32_t number) {
    NetworkConfig network;
    network.number = number;
    if (!trimmed(text).empty()) {  // "": an interface on no bridge
        TRY(set_from_text(network, text, keys, 0));
    }
    return network;
}

std::string interface_name(uint16_t domain, uint32_t number) { return fmt::format("vif{}.{}", domain, number); }

nlohmann::json to_json(const NetworkConfig &network) {
    return {{"number", network.number}, {"mac", network.address ? network.address->text() : ""},
            {"bridge", network.bridge}, {"mtu", network.mtu},
            {"rate", network.rate},     {"queues", network.queues}};
}

NetworkConfig network_from_json(const nlohmann::json &json) {
    NetworkConfig network;
    network.number = json.at("number").get<uint32_t>();
    network.address = address_in(json.at("mac").get<std::string>());
    network.bridge = json.at("bridge").get<std::string>();
    network.mtu = json.at("mtu").get<uint32_t>();
    network.rate = json.at("rate").get<uint64_t>();
    network.queues = json.at("queues").get<uint32_t>();
    return network;
}

}  // namespace ringfold::tools
