// SPDX-License-Identifier: Apache-2.0
//
// Channel 2 of the programmable interval timer (8254), the one behind the PC speaker: the last resort for calibration.
// It counts down from 65535 at 1.193182 MHz, so it wraps after 54 ms.
#pragma once

#include "hypervisor/cpu/port_io.hpp"

#include <cstdint>

namespace ringfold {

class PitCounter {
  public:
    // Starts the channel in mode 0 with its gate open and the speaker off.
    PitCounter() {
        write_port8(speaker_port, static_cast<uint8_t>((read_port8(speaker_port) & ~speaker_on) | gate_open));
        write_port8(command_port, start_channel_2);
        write_port8(channel_2_port, 0xff);
        write_port8(channel_2_port, 0xff);
    }

    [[nodiscard]] uint64_t read() const {
        write_port8(command_port, latch_channel_2);
        const uint8_t low = read_port8(channel_2_port);
        const uint8_t high = read_port8(channel_2_port);
        return mask() - (uint64_t{low} | uint64_t{high} << 8);
    }
    [[nodiscard]] uint64_t mask() const { return 0xffff; }
    [[nodiscard]] uint64_t nanoseconds(uint64_t ticks) const { return ticks * 1'000'000'000 / frequency; }

  private:
    static constexpr uint16_t channel_2_port = 0x42;
    static constexpr uint16_t command_port = 0x43;
    static constexpr uint16_t speaker_port = 0x61;
    static constexpr uint8_t gate_open = 1u << 0;
    static constexpr uint8_t speaker_on = 1u << 1;
    static constexpr uint8_t start_channel_2 = 0xb0;  // channel 2, low then high byte, mode 0, binary
    static constexpr uint8_t latch_channel_2 = 0x80;
    static constexpr uint64_t frequency = 1'193'182;
};

}  // namespace ringfold
