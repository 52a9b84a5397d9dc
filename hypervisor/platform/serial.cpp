// SPDX-License-Identifier: Apache-2.0
//
// Registers: National Semiconductor PC16550D data sheet, section 8.
#include "hypervisor/platform/serial.hpp"

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/cpu/registers.hpp"

#include <cstdint>

namespace ringfold {

namespace {

constexpr uint16_t base = serial_first_port;
constexpr uint16_t data = base;
constexpr uint16_t interrupt_enable = base + 1;
constexpr uint16_t fifo_control = base + 2;              // written
constexpr uint16_t interrupt_identification = base + 2;  // read
constexpr uint16_t line_control = base + 3;
constexpr uint16_t modem_control = base + 4;
constexpr uint16_t line_status = base + 5;
constexpr uint16_t divisor_low = base;  // while the divisor latch is open
constexpr uint16_t divisor_high = base + 1;

constexpr uint8_t line_8n1 = 0x03;
constexpr uint8_t line_divisor_latch = 0x80;
constexpr uint8_t receive_interrupt = 0x01;
constexpr uint8_t transmit_interrupt = 0x02;
constexpr uint8_t fifos_enabled = 0xc0;          // both bits: an 8250 and a 16450 show neither, the first 16550 one
constexpr uint8_t fifo_enable_and_clear = 0x87;  // an interrupt at 8 received characters, or when no more come
constexpr uint8_t modem_ready = 0x0b;            // DTR, RTS, and OUT2, which connects a PC's interrupt line
constexpr uint8_t status_received = 0x01;
constexpr uint8_t status_can_transmit = 0x20;  // nothing waits in the transmitter's FIFO
constexpr uint8_t status_sent = 0x40;
constexpr uint8_t status_no_device = 0xff;

constexpr uint16_t divisor_115200 = 1;

constexpr unsigned fifo_depth = 16;

// Written once, before there is a second CPU.
constinit unsigned depth = 1;

bool wait_for(uint8_t status) {
    constexpr unsigned patience = 1'000'000;  // polls, of about 1 us; 16 characters take 1.4 ms on the wire
    for (unsigned poll = 0; poll < patience; ++poll) {
        if ((read_port8(line_status) & status) != 0) {
            return true;
        }
        relax();
    }
    return false;
}

}  // namespace

void initialise_serial() {
    write_port8(interrupt_enable, 0);
    write_port8(line_control, line_divisor_latch);
    write_port8(divisor_low, divisor_115200 & 0xff);
    write_port8(divisor_high, divisor_115200 >> 8);
    write_port8(line_control, line_8n1);
    write_port8(fifo_control, fifo_enable_and_clear);
    depth = (read_port8(interrupt_identification) & fifos_enabled) == fifos_enabled ? fifo_depth : 1;
    write_port8(modem_control, modem_ready);
}

bool SerialPort::can_send() { return (read_port8(line_status) & status_can_transmit) != 0; }
unsigned SerialPort::burst() { return depth; }
void SerialPort::send(char c) { write_port8(data, static_cast<uint8_t>(c)); }
bool SerialPort::wait() { return wait_for(status_can_transmit); }
uint64_t SerialPort::ticks() { return read_tsc(); }

void SerialPort::interrupt_when_ready(bool wanted) {
    write_port8(interrupt_enable, receive_interrupt | (wanted ? transmit_interrupt : 0));
}

void wait_until_serial_is_sent() { static_cast<void>(wait_for(status_sent)); }

void silence_serial() { write_port8(interrupt_enable, 0); }

std::optional<char> read_serial() {
    const uint8_t status = read_port8(line_status);
    if (status == status_no_device || (status & status_received) == 0) {
        return std::nullopt;
    }
    return static_cast<char>(read_port8(data));
}

}  // namespace ringfold
