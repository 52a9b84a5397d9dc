// SPDX-License-Identifier: Apache-2.0
//
// The machine as firmware describes it, read once at boot.
#pragma once

#include "hypervisor/platform/acpi.hpp"

namespace ringfold {

// Reads the tables and logs what was found and what was wrong. `boot_loader_copy`: the RSDP that the boot loader handed
// over, or empty. Without a usable MADT there is no running this machine: an error.
[[nodiscard]] Result<void> discover_machine(ByteSpan boot_loader_copy);

// Everything of this folder that the boot processor sets up, in its order, with interrupts off: the machine is read,
// every interrupt controller silenced, ring 1 verified, CPU 0 numbered and its timer calibrated. Logs what went wrong.
// From then on the log has time, NMIs reach other CPUs in a panic, and power_off() can use ACPI.
[[nodiscard]] Result<void> initialise_machine(ByteSpan boot_loader_copy);

// Only after discover_machine() succeeded.
[[nodiscard]] const AcpiDescription &machine_description();

}  // namespace ringfold
