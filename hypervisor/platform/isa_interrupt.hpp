// SPDX-License-Identifier: Apache-2.0
//
// Where an ISA interrupt arrives: one to one on the first pins, active high and edge-triggered, unless the MADT says
// otherwise (ACPI 6.4, 5.2.12.5).
#pragma once

#include "hypervisor/platform/acpi_madt.hpp"

namespace ringfold {

struct InterruptLine {
    uint32_t gsi = 0;
    InterruptWiring wiring{};
    constexpr bool operator==(const InterruptLine &) const = default;
};

[[nodiscard]] constexpr InterruptLine isa_interrupt(const Madt &madt, uint8_t irq) {
    for (const InterruptOverride &entry : madt.overrides) {
        if (entry.isa_irq == irq) {
            return {.gsi = entry.gsi, .wiring = entry.wiring};
        }
    }
    return {.gsi = irq, .wiring = {}};
}

}  // namespace ringfold
