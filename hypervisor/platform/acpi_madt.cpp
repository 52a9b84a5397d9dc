// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_madt.hpp"

#include "hypervisor/platform/acpi_bytes.hpp"

namespace ringfold {
namespace {

constexpr AcpiSignature name{"APIC"};
constexpr std::size_t fixed_size = 44;
constexpr std::size_t local_apic_address = 36;
constexpr std::size_t flags_offset = 40;
constexpr uint32_t flag_pcat_compatible = 1;

// The "Interrupt Controller Structure" types (ACPI 6.4, table 5.45) that concern a PC.
enum class EntryType : uint8_t {
    local_apic = 0,
    io_apic = 1,
    interrupt_override = 2,
    nmi_source = 3,
    local_apic_nmi = 4,
    local_apic_address_override = 5,
    local_x2apic = 9,
    local_x2apic_nmi = 10,
};

constexpr uint32_t processor_enabled = 1;
constexpr uint32_t apic_id_broadcast = 0xff;  // xAPIC: "all", never one processor
constexpr uint32_t x2apic_id_broadcast = 0xffff'ffff;
constexpr uint8_t every_uid = 0xff;  // in 8-bit uid fields

// Polarity and trigger of an ISA line or of a local NMI input; "conforms to the bus" is ISA's active high, edge
// (ACPI 6.4, table 5.50: MPS INTI flags).
InterruptWiring decode_wiring(uint16_t flags) {
    return {.polarity = (flags & 3) == 3 ? Polarity::active_low : Polarity::active_high,
            .trigger = (flags >> 2 & 3) == 3 ? TriggerMode::level : TriggerMode::edge};
}

class MadtParser {
  public:
    MadtParser(Madt &madt, AcpiProblems &problems) : madt_(madt), problems_(problems) {}

    void parse_entry(EntryType type, ByteSpan entry) {
        switch (type) {
            case EntryType::local_apic:
                return parse_processor(entry);
            case EntryType::local_x2apic:
                return parse_x2apic_processor(entry);
            case EntryType::io_apic:
                return parse_io_apic(entry);
            case EntryType::interrupt_override:
                return parse_override(entry);
            case EntryType::nmi_source:
                return parse_nmi_source(entry);
            case EntryType::local_apic_nmi:
                return parse_local_nmi(entry);
            case EntryType::local_x2apic_nmi:
                return parse_x2apic_local_nmi(entry);
            case EntryType::local_apic_address_override:
                return parse_address_override(entry);
        }
        // Other types belong to other architectures, or to later revisions: ACPI says to skip them.
    }

  private:
    bool long_enough(ByteSpan entry, std::size_t size) {
        if (entry.size() < size) {
            problems_.note(name, "an entry is too short for its type; left out");
            return false;
        }
        return true;
    }

    template <typename List, typename Item>
    void append(List &list, const Item &item) {
        if (!list.append(item)) {
            problems_.note(name, "more entries of one type than are supported; left out");
        }
    }

    void add_processor(ProcessorEntry processor, uint32_t flags) {
        if ((flags & processor_enabled) == 0) {
            ++madt_.disabled_processors;
            return;
        }
        for (const ProcessorEntry &known : madt_.processors) {
            if (known.apic_id == processor.apic_id) {
                problems_.note(name, "a processor is listed twice");
                return;
            }
        }
        if (!madt_.processors.append(processor)) {
            ++madt_.processors_beyond_limit;
        }
    }

    void parse_processor(ByteSpan entry) {
        if (!long_enough(entry, 8)) {
            return;
        }
        if (entry[3] == apic_id_broadcast) {
            ++madt_.disabled_processors;  // firmware's way to write an empty socket
            return;
        }
        add_processor({.apic_id = entry[3], .acpi_uid = entry[2]}, load_or_zero<uint32_t>(entry, 4));
    }

    void parse_x2apic_processor(ByteSpan entry) {
        if (!long_enough(entry, 16)) {
            return;
        }
        const uint32_t apic_id = load_or_zero<uint32_t>(entry, 4);
        if (apic_id == x2apic_id_broadcast) {
            ++madt_.disabled_processors;
            return;
        }
        add_processor({.apic_id = apic_id, .acpi_uid = load_or_zero<uint32_t>(entry, 12)},
                      load_or_zero<uint32_t>(entry, 8));
    }

    void parse_io_apic(ByteSpan entry) {
        if (!long_enough(entry, 12)) {
            return;
        }
        const MachineAddress address{load_or_zero<uint32_t>(entry, 4)};
        // The register window needs 16-byte alignment; a zero address is an absent IO-APIC.
        if (address.raw() == 0 || address.raw() % 16 != 0) {
            problems_.note(name, "an IO-APIC has an impossible address; left out");
            return;
        }
        append(madt_.io_apics,
               IoApicEntry{.id = entry[2], .address = address, .first_gsi = load_or_zero<uint32_t>(entry, 8)});
    }

    void parse_override(ByteSpan entry) {
        if (!long_enough(entry, 10)) {
            return;
        }
        const uint8_t bus = entry[2];
        const uint8_t irq = entry[3];
        if (bus != 0 || irq >= 16) {
            problems_.note(name, "an interrupt override names no ISA interrupt; left out");
            return;
        }
        append(madt_.overrides, InterruptOverride{.isa_irq = irq,
                                                  .gsi = load_or_zero<uint32_t>(entry, 4),
                                                  .wiring = decode_wiring(load_or_zero<uint16_t>(entry, 8))});
    }

    void parse_nmi_source(ByteSpan entry) {
        if (long_enough(entry, 8)) {
            append(madt_.nmi_sources, NmiSource{.gsi = load_or_zero<uint32_t>(entry, 4),
                                                .wiring = decode_wiring(load_or_zero<uint16_t>(entry, 2))});
        }
    }

    void add_local_nmi(uint32_t uid, uint8_t lint, uint16_t flags) {
        if (lint > 1) {
            problems_.note(name, "a local NMI names neither LINT0 nor LINT1; left out");
            return;
        }
        append(madt_.local_nmis, LocalNmi{.acpi_uid = uid, .lint = lint, .wiring = decode_wiring(flags)});
    }

    void parse_local_nmi(ByteSpan entry) {
        if (long_enough(entry, 6)) {
            const uint32_t uid = entry[2] == every_uid ? LocalNmi::every_processor : entry[2];
            add_local_nmi(uid, entry[5], load_or_zero<uint16_t>(entry, 3));
        }
    }

    void parse_x2apic_local_nmi(ByteSpan entry) {
        if (long_enough(entry, 12)) {
            add_local_nmi(load_or_zero<uint32_t>(entry, 4), entry[8], load_or_zero<uint16_t>(entry, 2));
        }
    }

    void parse_address_override(ByteSpan entry) {
        if (long_enough(entry, 12)) {
            madt_.local_apic = MachineAddress{load_or_zero<uint64_t>(entry, 4)};
        }
    }

    Madt &madt_;
    AcpiProblems &problems_;
};

}  // namespace

Result<void> parse_madt(ByteSpan table, Madt &madt, AcpiProblems &problems) {
    if (table.size() < fixed_size) {
        return problems.refuse(name, "shorter than its fixed part");
    }
    madt.local_apic = MachineAddress{load_or_zero<uint32_t>(table, local_apic_address)};
    madt.has_8259 = (load_or_zero<uint32_t>(table, flags_offset) & flag_pcat_compatible) != 0;

    MadtParser parser{madt, problems};
    ByteSpan rest = table.subspan(fixed_size);
    while (rest.size() >= 2) {
        const std::size_t length = rest[1];
        if (length < 2 || length > rest.size()) {
            return problems.refuse(name, "an entry's length does not fit");
        }
        parser.parse_entry(EntryType{rest[0]}, rest.first(length));
        rest = rest.subspan(length);
    }
    if (!rest.empty()) {
        problems.note(name, "ends in the middle of an entry");
    }
    if (madt.processors.empty()) {
        return problems.refuse(name, "lists no usable processor");
    }
    if (madt.local_apic.raw() == 0 || madt.local_apic.page_offset() != 0) {
        return problems.refuse(name, "local APIC address is impossible");
    }
    return {};
}

}  // namespace ringfold
