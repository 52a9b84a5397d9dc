// SPDX-License-Identifier: Apache-2.0
//
// What Ringfold takes from the firmware's tables, in one value. Only the MADT is indispensable: without it there is no
// way to find the processors and interrupt controllers.
#pragma once

#include "hypervisor/platform/acpi_fadt.hpp"
#include "hypervisor/platform/acpi_hpet.hpp"
#include "hypervisor/platform/acpi_madt.hpp"
#include "hypervisor/platform/acpi_mcfg.hpp"
#include "hypervisor/platform/acpi_sleep.hpp"

#include <optional>

namespace ringfold {

struct AcpiDescription {
    RootPointer root;
    Madt madt;
    std::optional<Fadt> fadt;
    std::optional<HpetTable> hpet;
    PciSegments pci_segments;
    std::optional<SoftOffType> soft_off;
    AcpiTableList tables;  // every readable one; valid as long as what the reader gave
};

// `boot_loader_copy` is the RSDP that the boot loader handed over, or empty: then the BIOS areas are searched.
// Fills `description`, which the caller provides because it is big for a stack. What was wrong is in `problems`, also
// when the result is good; after an error the description is not to be used.
[[nodiscard]] Result<void> parse_acpi(const PhysicalReader &reader, ByteSpan boot_loader_copy,
                                      AcpiDescription &description, AcpiProblems &problems);

}  // namespace ringfold
