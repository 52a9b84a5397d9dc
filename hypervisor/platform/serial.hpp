// SPDX-License-Identifier: Apache-2.0
//
// The first serial port: a 16550 at 115200 baud, 8 data bits, no parity, 1 stop bit; polled both ways.
#pragma once

#include <optional>
#include <string_view>

namespace ringfold {

void initialise_serial();

// Waits for the transmitter, but not for ever: a port that never becomes ready loses characters.
void write_serial(std::string_view text);

// A received character, if there is one.
[[nodiscard]] std::optional<char> read_serial();

}  // namespace ringfold
