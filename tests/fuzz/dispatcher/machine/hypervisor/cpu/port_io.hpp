// SPDX-License-Identifier: Apache-2.0
//
// In place of hypervisor/cpu/port_io.hpp: there is nothing behind the ports.
#pragma once

#include <cstdint>

namespace ringfold {

inline void write_port8(uint16_t, uint8_t) {}
inline void write_port16(uint16_t, uint16_t) {}
inline void write_port32(uint16_t, uint32_t) {}

[[nodiscard]] inline uint8_t read_port8(uint16_t) { return UINT8_MAX; }
[[nodiscard]] inline uint16_t read_port16(uint16_t) { return UINT16_MAX; }
[[nodiscard]] inline uint32_t read_port32(uint16_t) { return UINT32_MAX; }

}  // namespace ringfold
