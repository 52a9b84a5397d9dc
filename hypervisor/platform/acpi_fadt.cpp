// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_fadt.hpp"

#include "hypervisor/platform/acpi_bytes.hpp"

namespace ringfold {
namespace {

constexpr AcpiSignature name{"FACP"};

// Offsets in the FADT (ACPI 6.4, table 5.9).
constexpr std::size_t revision_offset = 8;
constexpr std::size_t dsdt_offset = 40;
constexpr std::size_t sci_interrupt_offset = 46;
constexpr std::size_t smi_command_offset = 48;
constexpr std::size_t acpi_enable_offset = 52;
constexpr std::size_t pm1a_control_offset = 64;
constexpr std::size_t pm1b_control_offset = 68;
constexpr std::size_t pm_timer_offset = 76;
constexpr std::size_t boot_flags_offset = 109;
constexpr std::size_t flags_offset = 112;
constexpr std::size_t reset_register_offset = 116;
constexpr std::size_t reset_value_offset = 128;
constexpr std::size_t extended_dsdt_offset = 140;
constexpr std::size_t extended_pm1a_control_offset = 172;
constexpr std::size_t extended_pm1b_control_offset = 184;
constexpr std::size_t extended_pm_timer_offset = 208;
constexpr std::size_t size_of_revision_1 = 116;

constexpr uint32_t flag_timer_32_bit = 1u << 8;
constexpr uint32_t flag_reset_supported = 1u << 10;
constexpr uint32_t flag_hardware_reduced = 1u << 20;

constexpr uint16_t boot_legacy_devices = 1u << 0;
constexpr uint16_t boot_8042 = 1u << 1;
constexpr uint16_t boot_vga_not_present = 1u << 2;
constexpr uint16_t boot_msi_not_supported = 1u << 3;

constexpr uint64_t highest_port = 0xffff;

std::optional<RegisterAddress> decode_register(ByteSpan table, std::size_t offset) {
    const uint64_t address = load_or_zero<uint64_t>(table, offset + 4);
    const uint8_t space = load_or_zero<uint8_t>(table, offset);
    if (address == 0 || space > static_cast<uint8_t>(AddressSpace::pci_configuration)) {
        return std::nullopt;
    }
    const RegisterAddress reg{.space = AddressSpace{space}, .address = address};
    if (reg.space == AddressSpace::port && address > highest_port) {
        return std::nullopt;
    }
    return reg;
}

// The extended (64-bit) form counts if it is there, else the old port number.
std::optional<RegisterAddress> decode_block(ByteSpan table, std::size_t extended_offset, std::size_t port_offset) {
    if (auto extended = decode_register(table, extended_offset)) {
        return extended;
    }
    const uint32_t port = load_or_zero<uint32_t>(table, port_offset);
    if (port == 0 || port > highest_port) {
        return std::nullopt;
    }
    return RegisterAddress{.space = AddressSpace::port, .address = port};
}

}  // namespace

Result<Fadt> parse_fadt(ByteSpan table, AcpiProblems &problems) {
    if (table.size() < size_of_revision_1) {
        return problems.refuse(name, "shorter than revision 1");
    }
    const uint32_t flags = load_or_zero<uint32_t>(table, flags_offset);
    Fadt fadt;
    const uint64_t extended_dsdt = load_or_zero<uint64_t>(table, extended_dsdt_offset);
    fadt.dsdt = MachineAddress{extended_dsdt != 0 ? extended_dsdt : load_or_zero<uint32_t>(table, dsdt_offset)};
    fadt.sci_interrupt = load_or_zero<uint16_t>(table, sci_interrupt_offset);
    fadt.smi_command_port = load_or_zero<uint32_t>(table, smi_command_offset);
    if (fadt.smi_command_port > highest_port) {
        problems.note(name, "SMI command port is beyond 65535; not used");
        fadt.smi_command_port = 0;
    }
    fadt.acpi_enable_value = load_or_zero<uint8_t>(table, acpi_enable_offset);
    fadt.hardware_reduced = (flags & flag_hardware_reduced) != 0;
    if (!fadt.hardware_reduced) {  // these fields mean nothing there (ACPI 6.4, 5.2.9)
        fadt.pm1a_control = decode_block(table, extended_pm1a_control_offset, pm1a_control_offset);
        fadt.pm1b_control = decode_block(table, extended_pm1b_control_offset, pm1b_control_offset);
        if (auto reg = decode_block(table, extended_pm_timer_offset, pm_timer_offset)) {
            fadt.pm_timer = PmTimer{.reg = *reg, .is_32_bit = (flags & flag_timer_32_bit) != 0};
        }
    }
    if ((flags & flag_reset_supported) != 0) {
        if (auto reg = decode_register(table, reset_register_offset)) {
            fadt.reset = ResetRegister{.reg = *reg, .value = load_or_zero<uint8_t>(table, reset_value_offset)};
        } else {
            problems.note(name, "says that it has a reset register and names none");
        }
    }
    // Revision 1 had no boot flags: such a machine has everything (ACPI 6.4, 5.2.9.3 is of revision 2).
    if (table[revision_offset] >= 2) {
        const uint16_t boot_flags = load_or_zero<uint16_t>(table, boot_flags_offset);
        fadt.has_legacy_devices = (boot_flags & boot_legacy_devices) != 0;
        fadt.has_8042 = (boot_flags & boot_8042) != 0;
        fadt.vga_not_present = (boot_flags & boot_vga_not_present) != 0;
        fadt.msi_not_supported = (boot_flags & boot_msi_not_supported) != 0;
    }
    return fadt;
}

}  // namespace ringfold
