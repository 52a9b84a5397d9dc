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
    Madt madt;
    std::optional<Fadt> fadt;
    std::optional<HpetTable> hpet;
    PciSegments pci_segments;
    std::optional<SoftOffType> soft_off;
    BoundedList<AcpiSignature, acpi_most_tables> signatures;  // every table found, for the boot log
};

// `boot_loader_copy` is the RSDP that the boot loader handed over, or empty: then the BIOS areas are searched.
// What was wrong is in `problems`, also when the result is good.
[[nodiscard]] Result<AcpiDescription> parse_acpi(const PhysicalReader &reader, ByteSpan boot_loader_copy,
                                                 AcpiProblems &problems);

}  // namespace ringfold
