// SPDX-License-Identifier: Apache-2.0
//
// From the firmware's root pointer to the list of its tables:
//
//   RSDP (20 or 36 bytes, "RSD PTR ") --> XSDT (64-bit addresses) or RSDT (32-bit) --> tables "APIC", "FACP", ...
//
// (ACPI 6.4, 5.2.5 to 5.2.8)
#pragma once

#include "hypervisor/platform/acpi_problem.hpp"
#include "hypervisor/platform/physical_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ringfold {

inline constexpr std::size_t acpi_header_size = 36;              // signature, length, revision, checksum, OEM fields
inline constexpr uint32_t acpi_largest_table = 4 * 1024 * 1024;  // a DSDT has hundreds of KiB; more is garbage

// A table that was read whole: its length fits and its checksum holds.
struct AcpiTable {
    AcpiSignature signature;
    MachineAddress address{};
    ByteSpan bytes;  // header included
};

inline constexpr std::size_t acpi_most_tables = 48;  // big servers have about 30 that are not SSDTs
using AcpiTableList = BoundedList<AcpiTable, acpi_most_tables>;

// What the RSDP names. Revision 2 firmware may leave either out, but not both.
struct RootPointer {
    std::optional<MachineAddress> rsdt;
    std::optional<MachineAddress> xsdt;
};

// Checks the bytes of an RSDP, wherever they come from.
[[nodiscard]] Result<RootPointer> parse_root_pointer(ByteSpan bytes, AcpiProblems &problems);

// An RSDP of revision 2 that names the same tables.
inline constexpr std::size_t root_pointer_size = 36;
[[nodiscard]] std::array<uint8_t, root_pointer_size> make_root_pointer(const RootPointer &root);

// Searches the BIOS' hiding places: the first KiB of the EBDA, then 0xe0000 to 0xfffff (ACPI 6.4, 5.2.5.1).
[[nodiscard]] Result<RootPointer> find_root_pointer(const PhysicalReader &reader, AcpiProblems &problems);

// Reads one table, its header first: the length comes from there.
[[nodiscard]] Result<AcpiTable> read_acpi_table(const PhysicalReader &reader, MachineAddress address,
                                                AcpiProblems &problems);

// All readable tables that the XSDT names or, where there is none that can be used, the RSDT; but no SSDTs, which are
// AML only. One bad entry costs that table only. Appends to `tables`, which the caller provides: it is big for a stack.
[[nodiscard]] Result<void> list_acpi_tables(const PhysicalReader &reader, RootPointer root, AcpiTableList &tables,
                                            AcpiProblems &problems);

// The first table of that name, or nullptr.
[[nodiscard]] const AcpiTable *find_acpi_table(const AcpiTableList &tables, std::string_view signature);

}  // namespace ringfold
