// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/power.hpp"

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/cpu/registers.hpp"

#include <atomic>

namespace ringfold {

namespace {
// Set while one CPU runs; read by whichever ends the machine.
constinit std::atomic<uint16_t> exit_port = 0;
constinit std::atomic<PowerOff> registered = nullptr;
}  // namespace

void set_exit_port(uint16_t port) { exit_port.store(port, std::memory_order_relaxed); }
void set_power_off(PowerOff power_off) { registered.store(power_off, std::memory_order_relaxed); }

void power_off(uint8_t code) {
    if (const uint16_t port = exit_port.load(std::memory_order_relaxed); port != 0) {
        write_port32(port, code);
    }
    if (const PowerOff turn_off = registered.load(std::memory_order_relaxed); turn_off != nullptr && code == 0) {
        turn_off();
    }
    halt_forever();
}

}  // namespace ringfold
