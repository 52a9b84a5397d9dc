// SPDX-License-Identifier: Apache-2.0
//
// A made-up physical memory and a builder of firmware tables in it, for the ACPI tests.
#pragma once

#include "hypervisor/platform/acpi.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringfold::acpi_test {

class FakeMemory {
  public:
    static constexpr uint64_t size = 0x11'0000;

    [[nodiscard]] PhysicalReader reader() const { return PhysicalReader{&read, this}; }
    [[nodiscard]] std::vector<uint8_t> &bytes() { return bytes_; }
    void write(uint64_t address, const std::vector<uint8_t> &data) {
        std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(address));
    }

  private:
    static Result<ByteSpan> read(const void *context, MachineAddress address, uint64_t count) {
        const auto &memory = *static_cast<const FakeMemory *>(context);
        if (address.raw() >= size || count > size - address.raw()) {
            return Error::bad_frame;
        }
        return ByteSpan{memory.bytes_}.subspan(address.raw(), count);
    }

    std::vector<uint8_t> bytes_ = std::vector<uint8_t>(size);
};

// Appends little-endian fields; `finish` sets length and checksum.
class TableBuilder {
  public:
    explicit TableBuilder(std::string_view signature, uint8_t revision = 1) {
        for (const char character : signature) {
            add8(static_cast<uint8_t>(character));
        }
        add32(0);
        add8(revision);
        pad_to(acpi_header_size);
    }
    TableBuilder &add8(uint8_t value) {
        bytes_.push_back(value);
        return *this;
    }
    TableBuilder &add16(uint16_t value) { return add(value, 2); }
    TableBuilder &add32(uint32_t value) { return add(value, 4); }
    TableBuilder &add64(uint64_t value) { return add(value, 8); }
    TableBuilder &add_bytes(const std::vector<uint8_t> &more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    TableBuilder &pad_to(std::size_t size) {
        bytes_.resize(size);
        return *this;
    }
    TableBuilder &set(std::size_t offset, uint64_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            bytes_.at(offset + i) = static_cast<uint8_t>(value >> (8 * i));
        }
        return *this;
    }
    [[nodiscard]] std::vector<uint8_t> finish() {
        set(4, bytes_.size(), 4);
        bytes_.at(9) = 0;
        bytes_.at(9) = checksum(bytes_, bytes_.size());
        return bytes_;
    }
    // The byte that makes the first `count` bytes sum up to zero.
    static uint8_t checksum(const std::vector<uint8_t> &bytes, std::size_t count) {
        unsigned sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            sum += bytes.at(i);
        }
        return static_cast<uint8_t>(0x100 - (sum & 0xff));
    }

  private:
    TableBuilder &add(uint64_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
        }
        return *this;
    }

    std::vector<uint8_t> bytes_;
};

inline std::vector<uint8_t> root_pointer_v1(uint32_t rsdt) {
    std::vector<uint8_t> bytes{'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};
    bytes.resize(20);
    for (std::size_t i = 0; i < 4; ++i) {
        bytes[16 + i] = static_cast<uint8_t>(rsdt >> (8 * i));
    }
    bytes[8] = TableBuilder::checksum(bytes, 20);
    return bytes;
}

inline std::vector<uint8_t> root_pointer_v2(uint32_t rsdt, uint64_t xsdt) {
    std::vector<uint8_t> bytes = root_pointer_v1(rsdt);
    bytes[15] = 2;
    bytes[8] = 0;
    bytes[8] = TableBuilder::checksum(bytes, 20);
    bytes.resize(36);
    bytes[20] = 36;
    for (std::size_t i = 0; i < 8; ++i) {
        bytes[24 + i] = static_cast<uint8_t>(xsdt >> (8 * i));
    }
    bytes[32] = TableBuilder::checksum(bytes, 36);
    return bytes;
}

// Two enabled processors, one disabled, one IO-APIC, the overrides that a PC has.
inline TableBuilder madt_builder() {
    TableBuilder table{"APIC", 4};
    table.add32(0xfee0'0000).add32(1);
    table.add8(0).add8(8).add8(0).add8(0).add32(1);
    table.add8(0).add8(8).add8(1).add8(2).add32(1);
    table.add8(0).add8(8).add8(2).add8(4).add32(0);
    table.add8(1).add8(12).add8(7).add8(0).add32(0xfec0'0000).add32(0);
    table.add8(2).add8(10).add8(0).add8(0).add32(2).add16(0);
    table.add8(2).add8(10).add8(0).add8(9).add32(9).add16(0x000f);
    table.add8(4).add8(6).add8(0xff).add16(0).add8(1);
    return table;
}

inline TableBuilder fadt_builder(uint32_t dsdt) {
    TableBuilder table{"FACP", 3};
    table.pad_to(244);
    table.set(40, dsdt, 4).set(46, 9, 2).set(48, 0xb2, 4).set(52, 0xf1, 1);
    table.set(64, 0x604, 4).set(76, 0x608, 4).set(109, 3, 2).set(112, (1u << 8) | (1u << 10), 4);
    table.set(116, 1, 1).set(117, 8, 1).set(120, 0xcf9, 8).set(128, 0x0f, 1);
    return table;
}

inline TableBuilder dsdt_builder() {
    TableBuilder table{"DSDT"};
    table.add_bytes({0x5b, 0x80, 0x08, '_', 'S', '5', '_', 0x12});  // almost: the package is cut off by other code
    table.add_bytes({0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0x0a, 0x05, 0x01, 0x00, 0x00});
    return table;
}

// A whole, sound machine: the tables and where they are.
struct Machine {
    static constexpr uint64_t rsdp = 0xe'0010;
    static constexpr uint64_t rsdt = 0x10'0000;
    static constexpr uint64_t xsdt = 0x10'1000;
    static constexpr uint64_t madt = 0x10'2003;  // tables need not be aligned
    static constexpr uint64_t fadt = 0x10'3000;
    static constexpr uint64_t hpet = 0x10'4000;
    static constexpr uint64_t mcfg = 0x10'5000;
    static constexpr uint64_t dsdt = 0x10'6000;

    Machine() {
        memory.write(rsdp, root_pointer_v2(rsdt, xsdt));
        memory.write(rsdt, TableBuilder{"RSDT"}.add32(madt).add32(fadt).finish());
        memory.write(xsdt, TableBuilder{"XSDT"}.add64(fadt).add64(madt).add64(hpet).add64(mcfg).finish());
        memory.write(madt, madt_builder().finish());
        memory.write(fadt, fadt_builder(dsdt).finish());
        memory.write(hpet, TableBuilder{"HPET"}.add32(0x8086'a201).add32(0).add64(0xfed0'0000).pad_to(56).finish());
        memory.write(mcfg,
                     TableBuilder{"MCFG"}.add64(0).add64(0xb000'0000).add16(0).add8(0).add8(255).add32(0).finish());
        memory.write(dsdt, dsdt_builder().finish());
    }

    Result<AcpiDescription> parse(ByteSpan boot_loader_copy = {}) {
        AcpiDescription description;
        const auto parsed = parse_acpi(memory.reader(), boot_loader_copy, description, problems);
        return parsed.ok() ? Result<AcpiDescription>{description} : parsed.error();
    }
    [[nodiscard]] bool complains(std::string_view table, std::string_view reason) const {
        for (const AcpiProblem &problem : problems.list()) {
            if (problem.table.text() == table && problem.reason.find(reason) != std::string_view::npos) {
                return true;
            }
        }
        return false;
    }

    FakeMemory memory;
    AcpiProblems problems;
};

}  // namespace ringfold::acpi_test
