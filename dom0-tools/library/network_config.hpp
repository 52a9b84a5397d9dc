// SPDX-License-Identifier: Apache-2.0
//
// A guest's network interface, as a configuration says it: "bridge=br0,mac=02:00:00:00:00:01".
#pragma once

#include "dom0-tools/library/outcome.hpp"

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringfold::tools {

// An Ethernet address.
struct HardwareAddress {
    std::array<uint8_t, 6> bytes{};

    [[nodiscard]] std::string text() const;  // "02:00:00:00:00:01"
    bool operator==(const HardwareAddress &) const = default;
};

// Of one interface: neither a group's nor zero.
[[nodiscard]] Outcome<HardwareAddress> parse_hardware_address(std::string_view text);
// The same for the same guest at each start, and on each machine; locally administered.
[[nodiscard]] HardwareAddress generated_address(std::string_view guest, uint32_t number);

struct NetworkConfig {
    uint32_t number = 0;                     // 0: the first interface
    std::optional<HardwareAddress> address;  // none: generated when the guest is created
    std::string bridge;                      // of dom0; empty: none
    uint32_t mtu = 1500;
    uint64_t rate = 0;    // bytes a second that the guest may send; 0: no limit
    uint32_t queues = 0;  // at most; 0: as the kernel thinks

    bool operator==(const NetworkConfig &) const = default;
};

[[nodiscard]] Outcome<NetworkConfig> parse_network(std::string_view text, uint32_t number);

// dom0's end.
[[nodiscard]] std::string interface_name(uint16_t domain, uint32_t number);  // "vif3.0"

[[nodiscard]] nlohmann::json to_json(const NetworkConfig &network);
[[nodiscard]] NetworkConfig network_from_json(const nlohmann::json &json);  // throws what the library throws

}  // namespace ringfold::tools
