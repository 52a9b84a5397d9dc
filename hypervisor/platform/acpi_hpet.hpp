// SPDX-License-Identifier: Apache-2.0
//
// The HPET table: where the high precision event timer is (IA-PC HPET specification 1.0a, 3.2.4).
#pragma once

#include "hypervisor/platform/acpi_root.hpp"

namespace ringfold {

struct HpetTable {
    MachineAddress address{};
};

[[nodiscard]] Result<HpetTable> parse_hpet(ByteSpan table, AcpiProblems &problems);

}  // namespace ringfold
