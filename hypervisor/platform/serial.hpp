// SPDX-License-Identifier: Apache-2.0
//
// The first serial port: a 16550 at 115200 baud, 8 data bits, no parity, 1 stop bit. Output is polled; input raises ISA
// interrupt 4, once it is asked to.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ringfold {

inline constexpr uint16_t serial_first_port = 0x3f8;
inline constexpr uint16_t serial_port_count = 8;

void initialise_serial();

// Waits for the transmitter, but not for ever: a port that never becomes ready loses characters.
void write_serial(std::string_view text);

inline constexpr uint8_t serial_isa_irq = 4;

// Whether received characters raise the interrupt. While they do not its line is low, so that letting them again makes
// an edge if any have come meanwhile.
void set_serial_interrupt(bool enabled);

// A received character, if there is one.
[[nodiscard]] std::optional<char> read_serial();

}  // namespace ringfold
