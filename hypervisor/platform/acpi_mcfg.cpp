// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_mcfg.hpp"

#include "hypervisor/platform/acpi_bytes.hpp"

namespace ringfold {

Result<PciSegments> parse_mcfg(ByteSpan table, AcpiProblems &problems) {
    constexpr AcpiSignature name{"MCFG"};
    constexpr std::size_t fixed_size = 44;
    constexpr std::size_t entry_size = 16;
    constexpr uint64_t highest_base = uint64_t{1} << 52;
    if (table.size() < fixed_size) {
        return problems.refuse(name, "shorter than its fixed part");
    }
    PciSegments segments;
    ByteSpan rest = table.subspan(fixed_size);
    for (; rest.size() >= entry_size; rest = rest.subspan(entry_size)) {
        const uint64_t base = load_or_zero<uint64_t>(rest, 0);
        const PciSegment segment{.base = MachineAddress{base},
                                 .segment = load_or_zero<uint16_t>(rest, 8),
                                 .first_bus = rest[10],
                                 .last_bus = rest[11]};
        if (base == 0 || base % PciSegment::bytes_per_bus != 0 || base >= highest_base ||
            segment.last_bus < segment.first_bus) {
            problems.note(name, "a segment's address or bus range is impossible; left out");
        } else if (!segments.append(segment)) {
            problems.note(name, "more than 16 segments; left out");
        }
    }
    if (!rest.empty()) {
        problems.note(name, "ends in the middle of an entry");
    }
    return segments;
}

}  // namespace ringfold
