// SPDX-License-Identifier: Apache-2.0
//
// The MADT ("APIC" table): the processors, the interrupt controllers, and how ISA interrupts are wired to them
// (ACPI 6.4, 5.2.12).
#pragma once

#include "hypervisor/platform/acpi_root.hpp"

#include <cstdint>

namespace ringfold {

enum class Polarity : uint8_t { active_high, active_low };
enum class TriggerMode : uint8_t { edge, level };

struct InterruptWiring {
    Polarity polarity = Polarity::active_high;
    TriggerMode trigger = TriggerMode::edge;
    constexpr bool operator==(const InterruptWiring &) const = default;
};

struct ProcessorEntry {
    uint32_t apic_id = 0;
    uint32_t acpi_uid = 0;
};

struct IoApicEntry {
    uint8_t id = 0;
    MachineAddress address{};
    uint32_t first_gsi = 0;  // the global system interrupt of its pin 0
};

// An ISA interrupt that is not wired one to one.
struct InterruptOverride {
    uint8_t isa_irq = 0;
    uint32_t gsi = 0;
    InterruptWiring wiring{};
};

// An input pin that must raise an NMI.
struct NmiSource {
    uint32_t gsi = 0;
    InterruptWiring wiring{};
};

// A local APIC input (LINT0 or LINT1) that is wired to NMI.
struct LocalNmi {
    static constexpr uint32_t every_processor = 0xffff'ffff;
    uint32_t acpi_uid = every_processor;
    uint8_t lint = 1;
    InterruptWiring wiring{};
};

inline constexpr std::size_t madt_most_processors = 64;
inline constexpr std::size_t madt_most_io_apics = 16;

struct Madt {
    MachineAddress local_apic;
    bool has_8259 = true;
    BoundedList<ProcessorEntry, madt_most_processors> processors;  // enabled ones, in table order
    uint32_t processors_beyond_limit = 0;
    uint32_t disabled_processors = 0;
    BoundedList<IoApicEntry, madt_most_io_apics> io_apics;
    BoundedList<InterruptOverride, 16> overrides;
    BoundedList<NmiSource, 16> nmi_sources;
    BoundedList<LocalNmi, madt_most_processors> local_nmis;
};

// Entries that make no sense are noted and left out. Refused as a whole: a table too short for its fixed part, one
// whose entries do not add up, or one without a usable processor; then `madt` is not to be used. The caller provides
// it: it is big for a stack.
[[nodiscard]] Result<void> parse_madt(ByteSpan table, Madt &madt, AcpiProblems &problems);

}  // namespace ringfold
