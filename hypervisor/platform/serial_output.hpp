// SPDX-License-Identifier: Apache-2.0
//
// What goes out at the serial port: lines of the log, and what a guest's console adds to it. Nobody waits for the port
// while guests run (output_pump.hpp).
#pragma once

#include "hypervisor/lib/log.hpp"

#include <span>
#include <string_view>

namespace ringfold {

// The log's sink.
[[nodiscard]] bool write_serial_line(std::string_view line, LineOf whose);

// A domain's output as it is (console/focus.hpp). How many bytes were taken; the rest finds no room now.
[[nodiscard]] std::size_t write_serial_bytes(std::span<const char> bytes);

// From now on the port's interrupt comes, for what is received and for what waits to be sent.
void begin_serial_interrupts();

// The interrupt has come, and the port was silenced: sends on, and lets it come again.
void resume_serial_output();

// Before the machine ends: all that waits goes out, and everything later at once.
void finish_serial_output();
// The same in a panic: past the lock, whose holder may be what was interrupted.
void finish_serial_output_without_lock();

}  // namespace ringfold
