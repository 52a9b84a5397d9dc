// SPDX-License-Identifier: Apache-2.0
//
// The first serial port and the VGA text screen. A full screen waits for a key, or ten seconds, so that it can be read
// or photographed.
#pragma once

#include <string_view>

namespace hwprobe {

void open_console(bool wait_at_full_screen);
void print_line(std::string_view line);
// Waits as at a full screen, if anything was printed since.
void end_screen();

}  // namespace hwprobe
