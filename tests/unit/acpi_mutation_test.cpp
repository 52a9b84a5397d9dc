// SPDX-License-Identifier: Apache-2.0
//
// Random damage to a sound machine's tables. Under ASan and UBSan the parsers must neither read out of bounds nor loop,
// and whatever they accept must hold what the rest of the hypervisor relies on.
#include "tests/unit/acpi_fixture.hpp"

#include <gtest/gtest.h>
#include <cstdlib>
#include <random>

namespace ringfold::acpi_test {
namespace {

constexpr int rounds = 3000;

uint64_t chosen_seed() {
    const char *text = std::getenv("RINGFOLD_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
}

// Repairs a table's checksum, so that damage gets past it and into the parsers.
void repair_checksum(std::vector<uint8_t> &memory, uint64_t table) {
    uint32_t length = 0;
    for (unsigned i = 0; i < 4; ++i) {
        length |= uint32_t{memory[table + 4 + i]} << (8 * i);
    }
    if (length < acpi_header_size || length > FakeMemory::size - table) {
        return;
    }
    memory[table + 9] = 0;
    unsigned sum = 0;
    for (uint32_t i = 0; i < length; ++i) {
        sum += memory[table + i];
    }
    memory[table + 9] = static_cast<uint8_t>(0x100 - (sum & 0xff));
}

void expect_usable(const AcpiDescription &acpi) {
    EXPECT_FALSE(acpi.madt.processors.empty());
    EXPECT_EQ(acpi.madt.local_apic.page_offset(), 0u);
    for (const IoApicEntry &io_apic : acpi.madt.io_apics) {
        EXPECT_NE(io_apic.address.raw(), 0u);
    }
    for (const InterruptOverride &entry : acpi.madt.overrides) {
        EXPECT_LT(entry.isa_irq, 16);
    }
    for (const PciSegment &segment : acpi.pci_segments) {
        EXPECT_LE(segment.first_bus, segment.last_bus);
    }
    if (acpi.fadt && acpi.fadt->pm_timer && acpi.fadt->pm_timer->reg.space == AddressSpace::port) {
        EXPECT_LE(acpi.fadt->pm_timer->reg.address, 0xffffu);
    }
}

TEST(AcpiMutation, DamageIsRefusedOrHarmless) {
    const uint64_t seed = chosen_seed();
    RecordProperty("seed", std::to_string(seed));
    SCOPED_TRACE("RINGFOLD_SEED=" + std::to_string(seed));
    std::mt19937_64 random{seed};
    constexpr std::array tables{Machine::rsdt, Machine::xsdt, Machine::madt, Machine::fadt,
                                Machine::hpet, Machine::mcfg, Machine::dsdt};
    const Machine sound;
    int accepted = 0;
    for (int round = 0; round < rounds; ++round) {
        Machine machine = sound;
        auto &memory = machine.memory.bytes();
        const auto damages = 1 + random() % 6;
        for (uint64_t i = 0; i < damages; ++i) {
            const uint64_t table = tables[random() % tables.size()];
            memory[table + random() % 128] = static_cast<uint8_t>(random());
        }
        if (random() % 8 != 0) {
            for (const uint64_t table : tables) {
                repair_checksum(memory, table);
            }
        }
        auto result = machine.parse();
        if (result.ok()) {
            ++accepted;
            expect_usable(result.value());
        } else {
            EXPECT_FALSE(machine.problems.list().empty()) << "refused without a reason";
        }
    }
    EXPECT_GT(accepted, rounds / 10) << "the damage never gets past the outer checks: this test tests nothing";
    EXPECT_LT(accepted, rounds) << "nothing was ever refused";
}

}  // namespace
}  // namespace ringfold::acpi_test
