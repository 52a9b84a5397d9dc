// SPDX-License-Identifier: Apache-2.0
//
// The end: a way to leave that the machine offers, tried from the most to the least useful.
#pragma once

#include <cstdint>

namespace ringfold {

// QEMU's isa-debug-exit device: its exit status becomes 2 * code + 1. From `exit_port=` on the command line.
void set_exit_port(uint16_t port);

// What ACPI (or anything else) knows of turning the machine off; returns if it did not work.
using PowerOff = void (*)();
void set_power_off(PowerOff power_off);

// The same for restarting it.
void set_reset(PowerOff reset);

// By the registered function, else by the keyboard controller, else by a triple fault.
[[noreturn]] void restart();

// By the exit port if there is one, else by the registered function if `code` is 0 (a failure stays on the screen),
// else stops this CPU for ever.
[[noreturn]] void power_off(uint8_t code);

}  // namespace ringfold
