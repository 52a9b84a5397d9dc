// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/pic.hpp"

#include "hypervisor/cpu/port_io.hpp"
#include "hypervisor/platform/vectors.hpp"

namespace ringfold {
namespace {

constexpr uint16_t primary_command = 0x20;
constexpr uint16_t primary_data = 0x21;
constexpr uint16_t secondary_command = 0xa0;
constexpr uint16_t secondary_data = 0xa1;

// Initialization command words (8259A data sheet). ICW1: edge-triggered, cascaded, ICW4 follows; ICW4: 8086 mode.
constexpr uint8_t icw1 = 0x11;
constexpr uint8_t icw4 = 0x01;
constexpr uint8_t cascade_line = 2;
constexpr uint8_t all_masked = 0xff;

}  // namespace

// Even a masked 8259 can raise its spurious interrupt (line 7), so the vectors must move.
void silence_pics() {
    write_port8(primary_command, icw1);
    write_port8(secondary_command, icw1);
    write_port8(primary_data, vector_pic_first);
    write_port8(secondary_data, vector_pic_first + 8);
    write_port8(primary_data, 1u << cascade_line);
    write_port8(secondary_data, cascade_line);
    write_port8(primary_data, icw4);
    write_port8(secondary_data, icw4);
    write_port8(primary_data, all_masked);
    write_port8(secondary_data, all_masked);
}

}  // namespace ringfold
