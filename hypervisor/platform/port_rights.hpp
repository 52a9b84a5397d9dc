// SPDX-License-Identifier: Apache-2.0
//
// Which I/O ports a domain that may use hardware may touch: all but those that the hypervisor drives itself.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/serial.hpp"

#include <ringfold/platform.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace ringfold {

struct PortRange {
    uint16_t first;
    uint16_t count;
};

inline constexpr std::array own_ports{
    PortRange{.first = 0x20, .count = 2},  // 8259s: silenced at boot
    PortRange{.first = 0xa0, .count = 2},
    PortRange{.first = 0x40, .count = 4},  // 8254
    PortRange{.first = serial_first_port, .count = serial_port_count},
};

// The port as the processor takes it. invalid_argument: no such width; out_of_range: past the last port; access_denied:
// a port among them is the hypervisor's.
[[nodiscard]] constexpr Result<uint16_t> check_port_access(uint32_t port, uint32_t width) {
    constexpr uint32_t ports = 0x1'0000;
    if (width != RINGFOLD_PORT_BYTE && width != RINGFOLD_PORT_WORD && width != RINGFOLD_PORT_DOUBLE_WORD) {
        return Error::invalid_argument;
    }
    if (port > ports - width) {
        return Error::out_of_range;
    }
    const bool is_own = std::any_of(own_ports.begin(), own_ports.end(), [=](const PortRange &own) {
        return port < uint32_t{own.first} + own.count && own.first < port + width;
    });
    return is_own ? Result<uint16_t>{Error::access_denied} : Result<uint16_t>{static_cast<uint16_t>(port)};
}

}  // namespace ringfold
