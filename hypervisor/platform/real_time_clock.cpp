// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/real_time_clock.hpp"

#include "hypervisor/cpu/port_io.hpp"

namespace ringfold {

namespace {

constexpr uint16_t index_port = 0x70;
constexpr uint16_t data_port = 0x71;
constexpr uint8_t register_a = 0x0a;
constexpr uint8_t register_b = 0x0b;
constexpr uint8_t update_in_progress = 0x80;

// Bit 7 of the index port masks NMIs on old machines: it stays 0.
uint8_t read_register(uint8_t index) {
    write_port8(index_port, index);
    return read_port8(data_port);
}

ClockRegisters read_once() {
    return {.second = read_register(0x00),
            .minute = read_register(0x02),
            .hour = read_register(0x04),
            .day = read_register(0x07),
            .month = read_register(0x08),
            .year = read_register(0x09),
            .status_b = read_register(register_b)};
}

}  // namespace

// An update takes 2 ms at most, once a second. What was read twice alike, with no update in sight, is not torn.
Result<ClockRegisters> read_real_time_clock() {
    constexpr unsigned patience = 100'000;  // register reads of 1 us or so each
    for (unsigned attempt = 0; attempt < patience; ++attempt) {
        if ((read_register(register_a) & update_in_progress) != 0) {
            continue;
        }
        const ClockRegisters first = read_once();
        if ((read_register(register_a) & update_in_progress) == 0 && read_once() == first) {
            return first;
        }
    }
    return Error::device;
}

}  // namespace ringfold
