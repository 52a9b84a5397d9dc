// SPDX-License-Identifier: Apache-2.0
//
// The first serial port: a 16550 at 115200 baud, 8 data bits, no parity, 1 stop bit. It raises ISA interrupt 4, once it
// is asked to. What is written goes through serial_output.hpp.
#pragma once

#include <cstdint>
#include <optional>

namespace ringfold {

inline constexpr uint16_t serial_first_port = 0x3f8;
inline constexpr uint16_t serial_port_count = 8;

void initialise_serial();

// The transmitter, as output_pump.hpp wants it.
struct SerialPort {
    [[nodiscard]] static bool can_send();
    [[nodiscard]] static unsigned burst();  // 16, or 1 if the port has no buffer
    static void send(char c);
    [[nodiscard]] static bool wait();
    static void interrupt_when_ready(bool wanted);  // and when something was received
    [[nodiscard]] static uint64_t ticks();
};

// Until the last character is on the wire, but not for ever.
void wait_until_serial_is_sent();

inline constexpr uint8_t serial_isa_irq = 4;

// No interrupt any more, until one is wanted again: its line is low, so that there will be an edge if there is a reason
// by then.
void silence_serial();

// A received character, if there is one.
[[nodiscard]] std::optional<char> read_serial();

}  // namespace ringfold
