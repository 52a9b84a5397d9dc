// SPDX-License-Identifier: Apache-2.0
//
// Which processors there are and which of them are up. CPU 0 is the boot processor; the others are numbered as the MADT
// lists them.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/result.hpp"
#include "hypervisor/platform/acpi_madt.hpp"

#include <cstdint>

namespace ringfold {

// Numbers the processors; `boot_apic_id` is the caller's. Error::malformed: the MADT does not list it.
[[nodiscard]] Result<void> number_cpus(const Madt &madt, uint32_t boot_apic_id);

[[nodiscard]] unsigned cpu_count();  // numbered, whether up or not
[[nodiscard]] uint32_t apic_id_of(CpuId cpu);

// Those that run the hypervisor. Empty until the boot processor's local APIC is up.
[[nodiscard]] CpuSet online_cpus();
void set_online(CpuId cpu);

}  // namespace ringfold
