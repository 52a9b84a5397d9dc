// SPDX-License-Identifier: Apache-2.0
//
// One pin of an IO-APIC (82093AA data sheet, 3.2.4): which vector on which processor, and how the line is to be read.
#pragma once

#include "hypervisor/platform/acpi_madt.hpp"
#include "hypervisor/platform/interrupt_command.hpp"

#include <cstdint>

namespace ringfold {

struct RedirectionEntry {
    uint8_t vector = 0;
    uint8_t destination = 0;  // local APIC id, physical destination mode
    DeliveryMode mode = DeliveryMode::fixed;
    InterruptWiring wiring{};
    bool masked = true;

    static constexpr uint32_t mask_bit = 1u << 16;

    [[nodiscard]] constexpr uint32_t low_word() const {
        return uint32_t{vector} | static_cast<uint32_t>(mode) << 8 |
               (wiring.polarity == Polarity::active_low ? 1u << 13 : 0) |
               (wiring.trigger == TriggerMode::level ? 1u << 15 : 0) | (masked ? mask_bit : 0);
    }
    [[nodiscard]] constexpr uint32_t high_word() const { return uint32_t{destination} << 24; }
};

}  // namespace ringfold
