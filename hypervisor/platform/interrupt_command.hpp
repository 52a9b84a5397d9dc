// SPDX-License-Identifier: Apache-2.0
//
// The interrupt command register's contents (Intel SDM vol. 3, 10.6.1 and 10.12.9): how one processor interrupts
// others.
#pragma once

#include <cstdint>

namespace ringfold {

enum class DeliveryMode : uint8_t { fixed = 0, nmi = 4, init = 5, startup = 6 };

enum class DestinationShorthand : uint8_t { none = 0, all_but_self = 3 };

struct InterruptCommand {
    DeliveryMode mode = DeliveryMode::fixed;
    uint8_t vector = 0;
    DestinationShorthand shorthand = DestinationShorthand::none;
    bool assert_level = true;  // false only for the INIT level de-assert of old processors
    bool level_triggered = false;

    // The low half; the same in xAPIC and x2APIC mode. Physical destination mode throughout.
    [[nodiscard]] constexpr uint32_t low_word() const {
        return uint32_t{vector} | static_cast<uint32_t>(mode) << 8 | (assert_level ? 1u << 14 : 0) |
               (level_triggered ? 1u << 15 : 0) | static_cast<uint32_t>(shorthand) << 18;
    }
};

inline constexpr uint32_t icr_delivery_pending = 1u << 12;  // xAPIC only

// xAPIC ids have eight bits; 0xff addresses every processor.
[[nodiscard]] constexpr bool reachable_by_xapic(uint32_t apic_id) { return apic_id < 0xff; }
[[nodiscard]] constexpr uint32_t xapic_destination(uint32_t apic_id) { return apic_id << 24; }
[[nodiscard]] constexpr uint64_t x2apic_command(InterruptCommand command, uint32_t apic_id) {
    return uint64_t{apic_id} << 32 | command.low_word();
}

// A startup IPI's vector is the number of the 4 KiB page below 1 MiB where the processor begins, in real mode.
[[nodiscard]] constexpr InterruptCommand startup_command(uint8_t page) {
    return {.mode = DeliveryMode::startup, .vector = page};
}
[[nodiscard]] constexpr InterruptCommand init_command() {
    return {.mode = DeliveryMode::init, .level_triggered = true};
}
[[nodiscard]] constexpr InterruptCommand init_deassert_command() {
    return {.mode = DeliveryMode::init, .assert_level = false, .level_triggered = true};
}

}  // namespace ringfold
