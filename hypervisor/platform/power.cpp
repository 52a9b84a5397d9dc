// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/power.hpp"

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/platform/serial_output.hpp"

#include <array>
#include <atomic>

namespace ringfold {

namespace {
// Set while one CPU runs; read by whichever ends the machine.
constinit std::atomic<uint16_t> exit_port = 0;
constinit std::atomic<PowerOff> registered = nullptr;
constinit std::atomic<PowerOff> registered_reset = nullptr;
}  // namespace

void set_exit_port(uint16_t port) { exit_port.store(port, std::memory_order_relaxed); }
void set_power_off(PowerOff power_off) { registered.store(power_off, std::memory_order_relaxed); }

void set_reset(PowerOff reset) { registered_reset.store(reset, std::memory_order_relaxed); }

void restart() {
    finish_serial_output();
    if (const PowerOff reset = registered_reset.load(std::memory_order_relaxed); reset != nullptr) {
        reset();
    }
    // The 8042's output port, bit 0, is the processor's reset line (8042 data sheet; pulsed by command FEH).
    constexpr uint16_t keyboard_command = 0x64;
    constexpr uint8_t pulse_reset = 0xfe;
    constexpr unsigned patience = 100'000;  // polls
    write_port8(keyboard_command, pulse_reset);
    for (unsigned poll = 0; poll < patience; ++poll) {
        relax();
    }
    const std::array<uint8_t, 10> no_handlers{};  // limit 0: the next exception has nowhere to go
    asm volatile("lidt %0\n\tint3" : : "m"(no_handlers));
    halt_forever();
}

void power_off(uint8_t code) {
    finish_serial_output();
    if (const uint16_t port = exit_port.load(std::memory_order_relaxed); port != 0) {
        write_port32(port, code);
    }
    if (const PowerOff turn_off = registered.load(std::memory_order_relaxed); turn_off != nullptr && code == 0) {
        turn_off();
    }
    halt_forever();
}

}  // namespace ringfold
