// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_hpet.hpp"

#include "hypervisor/platform/acpi_bytes.hpp"

namespace ringfold {

Result<HpetTable> parse_hpet(ByteSpan table, AcpiProblems &problems) {
    constexpr AcpiSignature name{"HPET"};
    constexpr std::size_t address_space_offset = 40;
    constexpr std::size_t address_offset = 44;
    constexpr std::size_t size = 56;
    constexpr uint64_t register_block_alignment = 1024;
    if (table.size() < size) {
        return problems.refuse(name, "shorter than its fixed part");
    }
    if (table[address_space_offset] != 0) {
        return problems.refuse(name, "registers are not in memory");
    }
    const uint64_t address = load_or_zero<uint64_t>(table, address_offset);
    if (address == 0 || address % register_block_alignment != 0) {
        return problems.refuse(name, "register address is impossible");
    }
    return HpetTable{MachineAddress{address}};
}

}  // namespace ringfold
