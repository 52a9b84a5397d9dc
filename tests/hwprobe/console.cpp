// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/console.hpp"

#include "tests/hwprobe/processor.hpp"

namespace hwprobe {
namespace {

constexpr uint16_t serial = 0x3f8;
constexpr unsigned columns = 80;
constexpr unsigned rows = 25;
constexpr uint16_t light_grey = 0x0700;

volatile uint16_t *const screen = reinterpret_cast<volatile uint16_t *>(0xb8000);
constinit unsigned row = 0;
constinit bool waits = false;

// An access to the POST port takes about a microsecond on every PC.
void delay_microsecond() { write_port(0x80, 0); }

void send(char character) {
    constexpr uint8_t transmitter_empty = 0x20;
    constexpr int patience = 10'000;  // a machine without this port must not hang here
    for (int i = 0; i < patience && (read_port(serial + 5) & transmitter_empty) == 0; ++i) {
        delay_microsecond();
    }
    write_port(serial, static_cast<uint8_t>(character));
}

void clear_screen() {
    for (unsigned i = 0; i < rows * columns; ++i) {
        screen[i] = light_grey | ' ';
    }
    row = 0;
}

void wait_for_key() {
    constexpr uint16_t keyboard_status = 0x64;
    constexpr uint16_t keyboard_data = 0x60;
    constexpr int ten_seconds = 10'000'000;
    constexpr uint8_t key_released = 0x80;
    for (int i = 0; i < ten_seconds; ++i) {
        if ((read_port(keyboard_status) & 1) != 0 && (read_port(keyboard_data) & key_released) == 0) {
            return;
        }
        delay_microsecond();
    }
}

void show(std::string_view line) {
    const auto needed = static_cast<unsigned>((line.size() + columns - 1) / columns);
    if (row + needed > rows) {
        end_screen();
    }
    for (std::size_t i = 0; i < line.size(); ++i) {
        screen[row * columns + i] = static_cast<uint16_t>(light_grey | static_cast<uint8_t>(line[i]));
    }
    row += needed == 0 ? 1 : needed;
}

}  // namespace

void open_console(bool wait_at_full_screen) {
    waits = wait_at_full_screen;
    write_port(serial + 1, 0);     // no interrupts
    write_port(serial + 3, 0x80);  // divisor latch: 115200 baud
    write_port(serial + 0, 1);
    write_port(serial + 1, 0);
    write_port(serial + 3, 0x03);  // 8N1
    write_port(serial + 2, 0x07);  // FIFO on and empty
    clear_screen();
}

void print_line(std::string_view line) {
    for (const char character : line) {
        send(character);
    }
    send('\r');
    send('\n');
    show(line);
}

void end_screen() {
    if (row != 0 && waits) {
        wait_for_key();
    }
    clear_screen();
}

}  // namespace hwprobe
