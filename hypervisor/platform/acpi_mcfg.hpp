// SPDX-License-Identifier: Apache-2.0
//
// The MCFG table: memory-mapped PCI configuration space (PCI firmware specification 3.2, 4.1.2).
#pragma once

#include "hypervisor/platform/acpi_root.hpp"

#include <cstdint>

namespace ringfold {

struct PciSegment {
    MachineAddress base{};  // of bus 0, whether or not bus 0 belongs to it
    uint16_t segment = 0;
    uint8_t first_bus = 0;
    uint8_t last_bus = 0;

    static constexpr uint64_t bytes_per_bus = uint64_t{1} << 20;
    [[nodiscard]] constexpr MachineAddress first_byte() const { return base + first_bus * bytes_per_bus; }
    [[nodiscard]] constexpr uint64_t size() const { return (uint64_t{last_bus} - first_bus + 1) * bytes_per_bus; }
};

using PciSegments = BoundedList<PciSegment, 16>;

[[nodiscard]] Result<PciSegments> parse_mcfg(ByteSpan table, AcpiProblems &problems);

}  // namespace ringfold
