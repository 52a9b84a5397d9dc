// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi_root.hpp"

#include "hypervisor/platform/acpi_bytes.hpp"

#include <array>
#include <concepts>

namespace ringfold {
namespace {

constexpr AcpiSignature root_pointer_name{"RSDP"};
constexpr std::string_view root_pointer_mark = "RSD PTR ";

// The RSDP (ACPI 6.4, table 5.3).
constexpr std::size_t root_pointer_size_v1 = 20;
constexpr std::size_t root_checksum = 8;
constexpr std::size_t root_revision = 15;
constexpr std::size_t root_rsdt_address = 16;
constexpr std::size_t root_length = 20;
constexpr std::size_t root_xsdt_address = 24;
constexpr std::size_t root_extended_checksum = 32;

constexpr std::size_t header_length = 4;

bool starts_with(ByteSpan bytes, std::string_view text) {
    if (bytes.size() < text.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (bytes[i] != static_cast<uint8_t>(text[i])) {
            return false;
        }
    }
    return true;
}

AcpiSignature signature_of(ByteSpan bytes) {
    std::array<char, 4> text{};
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(bytes[i]);
    }
    return AcpiSignature{{text.data(), text.size()}};
}

// The mark stands on a 16-byte boundary; the first whose checks hold wins.
Result<RootPointer> search_area(const PhysicalReader &reader, MachineAddress base, uint64_t size,
                                AcpiProblems &problems) {
    const ByteSpan area = TRY(reader.read(base, size));
    for (std::size_t offset = 0; offset + root_pointer_size_v1 <= area.size(); offset += 16) {
        const ByteSpan candidate = area.subspan(offset);
        if (!starts_with(candidate, root_pointer_mark)) {
            continue;
        }
        auto root = parse_root_pointer(candidate, problems);
        if (root.ok()) {
            return root;
        }
    }
    return Error::not_found;
}

// `Entry` is the type of the index' entries: the physical addresses of tables.
template <std::unsigned_integral Entry>
Result<void> list_from_index(const PhysicalReader &reader, MachineAddress address, AcpiSignature expected,
                             AcpiTableList &tables, AcpiProblems &problems) {
    const AcpiTable index = TRY(read_acpi_table(reader, address, problems));
    if (index.signature != expected) {
        return problems.refuse(index.signature, "stands where the RSDT or XSDT should");
    }
    const ByteSpan entries = index.bytes.subspan(acpi_header_size);
    if (entries.size() % sizeof(Entry) != 0) {
        problems.note(index.signature, "ends in the middle of an entry");
    }
    for (std::size_t offset = 0; offset + sizeof(Entry) <= entries.size(); offset += sizeof(Entry)) {
        const uint64_t entry = load_or_zero<Entry>(entries, offset);
        if (entry == 0) {
            continue;  // seen in the field: an unused entry
        }
        auto table = read_acpi_table(reader, MachineAddress{entry}, problems);
        if (!table.ok() || table.value().signature == AcpiSignature{"SSDT"}) {
            continue;
        }
        if (!tables.append(table.value())) {
            problems.note(index.signature, "names more than 48 tables; the rest is left out");
            break;
        }
    }
    return {};
}

}  // namespace

Result<RootPointer> parse_root_pointer(ByteSpan bytes, AcpiProblems &problems) {
    if (bytes.size() < root_pointer_size_v1) {
        return problems.refuse(root_pointer_name, "shorter than 20 bytes");
    }
    if (!starts_with(bytes, root_pointer_mark)) {
        return problems.refuse(root_pointer_name, "does not start with \"RSD PTR \"");
    }
    if (!checksum_holds(bytes.first(root_pointer_size_v1))) {
        return problems.refuse(root_pointer_name, "checksum of the first 20 bytes is wrong");
    }
    RootPointer root;
    if (const uint32_t rsdt = load_or_zero<uint32_t>(bytes, root_rsdt_address); rsdt != 0) {
        root.rsdt = MachineAddress{rsdt};
    }
    if (bytes[root_revision] >= 2) {
        const uint32_t length = load_or_zero<uint32_t>(bytes, root_length);
        if (length < root_pointer_size || length > bytes.size()) {
            return problems.refuse(root_pointer_name, "length is out of bounds");
        }
        if (!checksum_holds(bytes.first(length))) {
            return problems.refuse(root_pointer_name, "extended checksum is wrong");
        }
        if (const uint64_t xsdt = load_or_zero<uint64_t>(bytes, root_xsdt_address); xsdt != 0) {
            root.xsdt = MachineAddress{xsdt};
        }
    }
    if (!root.rsdt && !root.xsdt) {
        return problems.refuse(root_pointer_name, "names neither XSDT nor RSDT");
    }
    return root;
}

std::array<uint8_t, root_pointer_size> make_root_pointer(const RootPointer &root) {
    std::array<uint8_t, root_pointer_size> bytes{};
    for (std::size_t i = 0; i < root_pointer_mark.size(); ++i) {
        bytes[i] = static_cast<uint8_t>(root_pointer_mark[i]);
    }
    bytes[root_revision] = 2;
    store_little_endian(bytes, root_rsdt_address, static_cast<uint32_t>(root.rsdt.value_or(MachineAddress{}).raw()));
    store_little_endian(bytes, root_length, static_cast<uint32_t>(root_pointer_size));
    store_little_endian(bytes, root_xsdt_address, root.xsdt.value_or(MachineAddress{}).raw());
    bytes[root_checksum] = missing_checksum(ByteSpan{bytes}.first(root_pointer_size_v1));
    bytes[root_extended_checksum] = missing_checksum(bytes);
    return bytes;
}

Result<RootPointer> find_root_pointer(const PhysicalReader &reader, AcpiProblems &problems) {
    // The BIOS data area holds the real-mode segment of the EBDA at 0x40e.
    constexpr MachineAddress ebda_segment{0x40e};
    constexpr uint64_t lowest_ebda = 0x8'0000;
    constexpr uint64_t highest_ebda = 0xa'0000;
    const auto segment = reader.read(ebda_segment, 2);
    if (segment.ok()) {
        const uint64_t ebda = uint64_t{load_or_zero<uint16_t>(segment.value(), 0)} << 4;
        if (ebda >= lowest_ebda && ebda + 1024 <= highest_ebda) {
            auto root = search_area(reader, MachineAddress{ebda}, 1024, problems);
            if (root.ok()) {
                return root;
            }
        }
    }
    constexpr MachineAddress bios_area{0xe'0000};
    return search_area(reader, bios_area, 0x2'0000, problems);
}

Result<AcpiTable> read_acpi_table(const PhysicalReader &reader, MachineAddress address, AcpiProblems &problems) {
    if (address.raw() == 0) {
        return problems.refuse(AcpiSignature{}, "address is zero");
    }
    const auto header = reader.read(address, acpi_header_size);
    if (!header.ok()) {
        return problems.refuse(AcpiSignature{}, "header lies where nothing can be read");
    }
    const AcpiSignature signature = signature_of(header.value());
    const uint32_t length = load_or_zero<uint32_t>(header.value(), header_length);
    if (length < acpi_header_size) {
        return problems.refuse(signature, "length is below that of a header");
    }
    if (length > acpi_largest_table) {
        return problems.refuse(signature, "length is beyond 4 MiB");
    }
    const auto whole = reader.read(address, length);
    if (!whole.ok()) {
        return problems.refuse(signature, "reaches where nothing can be read");
    }
    if (!checksum_holds(whole.value())) {
        return problems.refuse(signature, "checksum is wrong");
    }
    return AcpiTable{signature, address, whole.value()};
}

Result<void> list_acpi_tables(const PhysicalReader &reader, RootPointer root, AcpiTableList &tables,
                              AcpiProblems &problems) {
    // The XSDT is to be preferred (ACPI 6.4, 5.2.7).
    if (root.xsdt) {
        const auto listed = list_from_index<uint64_t>(reader, *root.xsdt, AcpiSignature{"XSDT"}, tables, problems);
        if (listed.ok() || !root.rsdt) {
            return listed.ok() ? Result<void>{} : listed.error();
        }
    }
    if (!root.rsdt) {
        return problems.refuse(root_pointer_name, "names neither XSDT nor RSDT");
    }
    return list_from_index<uint32_t>(reader, *root.rsdt, AcpiSignature{"RSDT"}, tables, problems);
}

const AcpiTable *find_acpi_table(const AcpiTableList &tables, std::string_view signature) {
    for (const AcpiTable &table : tables.view()) {
        if (table.signature.text() == signature) {
            return &table;
        }
    }
    return nullptr;
}

}  // namespace ringfold
