// SPDX-License-Identifier: Apache-2.0
//
// The FADT ("FACP" table): fixed hardware. We take from it the PM timer, the way to reset and to power off, and what
// legacy hardware there is (ACPI 6.4, 5.2.9).
#pragma once

#include "hypervisor/platform/acpi_root.hpp"

#include <cstdint>
#include <optional>

namespace ringfold {

enum class AddressSpace : uint8_t { memory = 0, port = 1, pci_configuration = 2 };

// A register in one of the address spaces (ACPI's "generic address structure", 5.2.3.2).
struct RegisterAddress {
    AddressSpace space = AddressSpace::port;
    uint64_t address = 0;
    constexpr bool operator==(const RegisterAddress &) const = default;
};

struct ResetRegister {
    RegisterAddress reg;
    uint8_t value = 0;
};

struct PmTimer {
    RegisterAddress reg;
    bool is_32_bit = false;  // else 24 bits
};

struct Fadt {
    MachineAddress dsdt;
    uint16_t sci_interrupt = 0;
    uint32_t smi_command_port = 0;  // 0: the machine is always in ACPI mode
    uint8_t acpi_enable_value = 0;
    std::optional<RegisterAddress> pm1a_control;
    std::optional<RegisterAddress> pm1b_control;
    std::optional<PmTimer> pm_timer;
    std::optional<ResetRegister> reset;
    bool has_legacy_devices = true;
    bool has_8042 = true;
    bool vga_not_present = false;
    bool msi_not_supported = false;
    bool hardware_reduced = false;
};

[[nodiscard]] Result<Fadt> parse_fadt(ByteSpan table, AcpiProblems &problems);

}  // namespace ringfold
