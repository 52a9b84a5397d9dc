// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/acpi.hpp"

namespace ringfold {
namespace {

Result<RootPointer> root_pointer(const PhysicalReader &reader, ByteSpan boot_loader_copy, AcpiProblems &problems) {
    if (!boot_loader_copy.empty()) {
        auto root = parse_root_pointer(boot_loader_copy, problems);
        if (root.ok()) {
            return root;
        }
    }
    auto root = find_root_pointer(reader, problems);
    if (!root.ok()) {
        problems.note(AcpiSignature{"RSDP"}, "not found");
    }
    return root;
}

template <typename T>
std::optional<T> optional_table(const AcpiTableList &tables, std::string_view signature,
                                Result<T> (*parse)(ByteSpan, AcpiProblems &), AcpiProblems &problems) {
    const AcpiTable *table = find_acpi_table(tables, signature);
    if (table == nullptr) {
        return std::nullopt;
    }
    auto parsed = parse(table->bytes, problems);
    if (!parsed.ok()) {
        return std::nullopt;
    }
    return parsed.take();
}

std::optional<SoftOffType> soft_off_type(const PhysicalReader &reader, const Fadt &fadt, AcpiProblems &problems) {
    auto dsdt = read_acpi_table(reader, fadt.dsdt, problems);
    if (!dsdt.ok() || dsdt.value().signature != AcpiSignature{"DSDT"}) {
        return std::nullopt;
    }
    return find_soft_off_type(dsdt.value().bytes.subspan(acpi_header_size));
}

}  // namespace

Result<void> parse_acpi(const PhysicalReader &reader, ByteSpan boot_loader_copy, AcpiDescription &description,
                        AcpiProblems &problems) {
    description.root = TRY(root_pointer(reader, boot_loader_copy, problems));
    const AcpiTableList &tables = description.tables;
    TRY(list_acpi_tables(reader, description.root, description.tables, problems));
    const AcpiTable *madt = find_acpi_table(tables, "APIC");
    if (madt == nullptr) {
        return problems.refuse(AcpiSignature{"APIC"}, "missing");
    }
    TRY(parse_madt(madt->bytes, description.madt, problems));
    description.fadt = optional_table(tables, "FACP", parse_fadt, problems);
    description.hpet = optional_table(tables, "HPET", parse_hpet, problems);
    if (auto segments = optional_table(tables, "MCFG", parse_mcfg, problems)) {
        description.pci_segments = *segments;
    }
    if (description.fadt) {
        description.soft_off = soft_off_type(reader, *description.fadt, problems);
    }
    return {};
}

}  // namespace ringfold
