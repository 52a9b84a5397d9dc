// SPDX-License-Identifier: Apache-2.0
//
// The firmware tables: what a sound machine yields, and that each way of being broken is refused with its reason.
#include "tests/unit/acpi_fixture.hpp"

#include <gtest/gtest.h>

namespace ringfold::acpi_test {
namespace {

TEST(Acpi, SoundMachineIsReadWhole) {
    Machine machine;
    auto result = machine.parse();
    ASSERT_TRUE(result.ok());
    EXPECT_TRUE(machine.problems.list().empty());
    const AcpiDescription &acpi = result.value();
    ASSERT_EQ(acpi.madt.processors.size(), 2u);
    EXPECT_EQ(acpi.madt.processors[1].apic_id, 2u);
    EXPECT_EQ(acpi.madt.processors[1].acpi_uid, 1u);
    EXPECT_EQ(acpi.madt.disabled_processors, 1u);
    EXPECT_EQ(acpi.madt.local_apic, MachineAddress{0xfee0'0000});
    EXPECT_TRUE(acpi.madt.has_8259);
    ASSERT_EQ(acpi.madt.io_apics.size(), 1u);
    EXPECT_EQ(acpi.madt.io_apics[0].id, 7u);
    ASSERT_EQ(acpi.madt.overrides.size(), 2u);
    EXPECT_EQ(acpi.madt.overrides[0].gsi, 2u);
    EXPECT_EQ(acpi.madt.overrides[1].wiring.polarity, Polarity::active_low);
    EXPECT_EQ(acpi.madt.overrides[1].wiring.trigger, TriggerMode::level);
    ASSERT_EQ(acpi.madt.local_nmis.size(), 1u);
    EXPECT_EQ(acpi.madt.local_nmis[0].acpi_uid, LocalNmi::every_processor);
    ASSERT_TRUE(acpi.fadt.has_value());
    EXPECT_EQ(acpi.fadt->pm_timer->reg, (RegisterAddress{AddressSpace::port, 0x608}));
    EXPECT_TRUE(acpi.fadt->pm_timer->is_32_bit);
    EXPECT_EQ(acpi.fadt->pm1a_control->address, 0x604u);
    EXPECT_FALSE(acpi.fadt->pm1b_control.has_value());
    EXPECT_EQ(acpi.fadt->reset->reg.address, 0xcf9u);
    EXPECT_EQ(acpi.fadt->reset->value, 0x0f);
    EXPECT_EQ(acpi.hpet->address, MachineAddress{0xfed0'0000});
    ASSERT_EQ(acpi.pci_segments.size(), 1u);
    EXPECT_EQ(acpi.pci_segments[0].size(), 256u << 20);
    ASSERT_TRUE(acpi.soft_off.has_value());
    EXPECT_EQ(acpi.soft_off->pm1a, 5);
    EXPECT_EQ(acpi.soft_off->pm1b, 1);
}

TEST(Acpi, RootPointerInTheExtendedBiosDataAreaIsFound) {
    Machine machine;
    std::fill_n(machine.memory.bytes().begin() + Machine::rsdp, 36, uint8_t{0});
    machine.memory.write(0x40e, {0xc0, 0x9f});
    machine.memory.write(0x9fc20, root_pointer_v2(Machine::rsdt, Machine::xsdt));
    EXPECT_TRUE(machine.parse().ok());
}

TEST(Acpi, MadeRootPointerNamesTheSameTables) {
    for (const RootPointer &root :
         {RootPointer{.rsdt = MachineAddress{0x1234'5000}, .xsdt = std::nullopt},
          RootPointer{.rsdt = std::nullopt, .xsdt = MachineAddress{0x1'2345'6789'0000}},
          RootPointer{.rsdt = MachineAddress{0xffff'fff0}, .xsdt = MachineAddress{0xff'ffff'fff0}}}) {
        AcpiProblems problems;
        const auto parsed = parse_root_pointer(make_root_pointer(root), problems);
        ASSERT_TRUE(parsed.ok());
        EXPECT_EQ(parsed.value().rsdt, root.rsdt);
        EXPECT_EQ(parsed.value().xsdt, root.xsdt);
    }
}

TEST(Acpi, BootLoaderCopyGoesFirstAndABadOneIsReplacedByTheSearch) {
    Machine machine;
    const auto copy = root_pointer_v1(Machine::rsdt);
    auto by_copy = machine.parse(copy);
    ASSERT_TRUE(by_copy.ok());
    EXPECT_FALSE(by_copy.value().hpet.has_value()) << "the RSDT of this machine names no HPET: the copy was not used";
    auto bad = copy;
    bad[10] = static_cast<uint8_t>(bad[10] + 1);
    auto by_search = machine.parse(bad);
    ASSERT_TRUE(by_search.ok());
    EXPECT_TRUE(by_search.value().hpet.has_value());
    EXPECT_TRUE(machine.complains("RSDP", "checksum"));
}

TEST(Acpi, BrokenXsdtFallsBackToRsdt) {
    Machine machine;
    machine.memory.bytes()[Machine::xsdt + 10] ^= 0x55;
    auto result = machine.parse();
    ASSERT_TRUE(result.ok());
    EXPECT_FALSE(result.value().hpet.has_value());
    EXPECT_TRUE(machine.complains("XSDT", "checksum"));
}

TEST(Acpi, MissingRootPointerIsAnError) {
    Machine machine;
    std::fill_n(machine.memory.bytes().begin() + Machine::rsdp, 36, uint8_t{0});
    EXPECT_FALSE(machine.parse().ok());
    EXPECT_TRUE(machine.complains("RSDP", "not found"));
}

struct BadRootPointer {
    std::size_t size;
    std::size_t offset;
    uint8_t value;
    const char *reason;
};

class RootPointerTest : public testing::TestWithParam<BadRootPointer> {};

TEST_P(RootPointerTest, IsRefused) {
    const BadRootPointer &bad = GetParam();
    auto bytes = root_pointer_v2(Machine::rsdt, Machine::xsdt);
    bytes.at(bad.offset) = bad.value;
    bytes[8] = 0;
    bytes[8] = TableBuilder::checksum(bytes, 20);
    bytes.resize(bad.size);
    AcpiProblems problems;
    EXPECT_FALSE(parse_root_pointer(bytes, problems).ok());
    ASSERT_EQ(problems.list().size(), 1u);
    EXPECT_NE(problems.list()[0].reason.find(bad.reason), std::string_view::npos) << problems.list()[0].reason;
}

INSTANTIATE_TEST_SUITE_P(Malformed, RootPointerTest,
                         testing::Values(BadRootPointer{19, 9, 0, "shorter"}, BadRootPointer{36, 0, 'X', "RSD PTR"},
                                         BadRootPointer{36, 20, 35, "length"}, BadRootPointer{36, 20, 37, "length"},
                                         BadRootPointer{36, 33, 1, "extended checksum"},
                                         BadRootPointer{20, 9, 0, "length"}));

TEST(Acpi, RootPointerThatNamesNothingIsRefused) {
    AcpiProblems problems;
    EXPECT_FALSE(parse_root_pointer(root_pointer_v1(0), problems).ok());
    EXPECT_FALSE(parse_root_pointer(root_pointer_v2(0, 0), problems).ok());
    EXPECT_EQ(problems.list().size(), 2u);
}

// One byte or word of the machine is broken: does the whole still parse, and what is said?
struct Breakage {
    const char *name;
    uint64_t address;
    std::vector<uint8_t> bytes;
    bool usable;
    const char *table;
    const char *reason;
};

void PrintTo(const Breakage &breakage, std::ostream *stream) { *stream << breakage.name; }

class BreakageTest : public testing::TestWithParam<Breakage> {};

TEST_P(BreakageTest, IsNamed) {
    const Breakage &breakage = GetParam();
    Machine machine;
    machine.memory.write(breakage.address, breakage.bytes);
    EXPECT_EQ(machine.parse().ok(), breakage.usable);
    EXPECT_TRUE(machine.complains(breakage.table, breakage.reason));
}

std::vector<uint8_t> short_madt() { return TableBuilder{"APIC"}.add32(0xfee0'0000).finish(); }
std::vector<uint8_t> idle_madt() { return TableBuilder{"APIC"}.add32(0xfee0'0000).add32(1).finish(); }
std::vector<uint8_t> looping_madt() { return madt_builder().add8(0).add8(0).finish(); }
std::vector<uint8_t> overrunning_madt() { return madt_builder().add8(0).add8(9).add8(1).finish(); }
std::vector<uint8_t> dangling_madt() { return madt_builder().add8(0).finish(); }
std::vector<uint8_t> stunted_madt() { return madt_builder().add8(0).add8(2).finish(); }
std::vector<uint8_t> repeated_madt() { return madt_builder().add8(0).add8(8).add8(9).add8(2).add32(1).finish(); }
std::vector<uint8_t> misplaced_madt() { return madt_builder().set(36, 0xfee0'0010, 4).finish(); }
std::vector<uint8_t> odd_io_apic_madt() {
    return madt_builder().add8(1).add8(12).add8(1).add8(0).add32(0xfec0'0007).add32(24).finish();
}
std::vector<uint8_t> odd_override_madt() {
    return madt_builder().add8(2).add8(10).add8(0).add8(16).add32(2).add16(0).finish();
}
std::vector<uint8_t> odd_local_nmi_madt() { return madt_builder().add8(4).add8(6).add8(0).add16(0).add8(2).finish(); }
std::vector<uint8_t> short_fadt() { return TableBuilder{"FACP"}.pad_to(115).finish(); }
std::vector<uint8_t> resetless_fadt() { return fadt_builder(Machine::dsdt).set(120, 0, 8).finish(); }
std::vector<uint8_t> port_hpet() { return TableBuilder{"HPET"}.pad_to(40).add8(1).pad_to(56).finish(); }
std::vector<uint8_t> odd_hpet() { return TableBuilder{"HPET"}.pad_to(44).add64(0xfed0'0004).pad_to(56).finish(); }
std::vector<uint8_t> short_hpet() { return TableBuilder{"HPET"}.pad_to(55).finish(); }
std::vector<uint8_t> short_mcfg() { return TableBuilder{"MCFG"}.pad_to(43).finish(); }
std::vector<uint8_t> backward_mcfg() {
    return TableBuilder{"MCFG"}.add64(0).add64(0xb000'0000).add16(0).add8(9).add8(3).add32(0).finish();
}
std::vector<uint8_t> dangling_mcfg() { return TableBuilder{"MCFG"}.add64(0).add64(0xb000'0000).finish(); }

INSTANTIATE_TEST_SUITE_P(
    Malformed, BreakageTest,
    testing::Values(
        Breakage{"madt_checksum", Machine::madt + 9, {0x99}, false, "APIC", "checksum is wrong"},
        Breakage{"madt_missing", Machine::madt, {'B'}, false, "APIC", "missing"},
        Breakage{"madt_length_zero", Machine::madt + 4, {0, 0, 0, 0}, false, "APIC", "below that of a header"},
        Breakage{"madt_length_huge", Machine::madt + 4, {0, 0, 0, 0xff}, false, "APIC", "beyond 4 MiB"},
        Breakage{"madt_past_memory", Machine::madt + 4, {0, 0, 0x30, 0}, false, "APIC", "nothing can be read"},
        Breakage{"madt_short", Machine::madt, short_madt(), false, "APIC", "fixed part"},
        Breakage{"madt_idle", Machine::madt, idle_madt(), false, "APIC", "no usable processor"},
        Breakage{"madt_loop", Machine::madt, looping_madt(), false, "APIC", "length does not fit"},
        Breakage{"madt_overrun", Machine::madt, overrunning_madt(), false, "APIC", "length does not fit"},
        Breakage{"madt_misplaced", Machine::madt, misplaced_madt(), false, "APIC", "address is impossible"},
        Breakage{"madt_dangling", Machine::madt, dangling_madt(), true, "APIC", "middle of an entry"},
        Breakage{"madt_stunted", Machine::madt, stunted_madt(), true, "APIC", "too short for its type"},
        Breakage{"madt_repeated", Machine::madt, repeated_madt(), true, "APIC", "listed twice"},
        Breakage{"madt_io_apic", Machine::madt, odd_io_apic_madt(), true, "APIC", "IO-APIC has an impossible"},
        Breakage{"madt_override", Machine::madt, odd_override_madt(), true, "APIC", "no ISA interrupt"},
        Breakage{"madt_local_nmi", Machine::madt, odd_local_nmi_madt(), true, "APIC", "neither LINT0"},
        Breakage{"fadt_short", Machine::fadt, short_fadt(), true, "FACP", "revision 1"},
        Breakage{"fadt_resetless", Machine::fadt, resetless_fadt(), true, "FACP", "names none"},
        Breakage{"hpet_port", Machine::hpet, port_hpet(), true, "HPET", "not in memory"},
        Breakage{"hpet_odd", Machine::hpet, odd_hpet(), true, "HPET", "impossible"},
        Breakage{"hpet_short", Machine::hpet, short_hpet(), true, "HPET", "fixed part"},
        Breakage{"mcfg_short", Machine::mcfg, short_mcfg(), true, "MCFG", "fixed part"},
        Breakage{"mcfg_backward", Machine::mcfg, backward_mcfg(), true, "MCFG", "bus range"},
        Breakage{"mcfg_dangling", Machine::mcfg, dangling_mcfg(), true, "MCFG", "middle of an entry"}),
    [](const auto &instance) { return std::string{instance.param.name}; });

TEST(Acpi, IndexThatNamesItselfIsNotFollowedForever) {
    Machine machine;
    machine.memory.write(Machine::xsdt, TableBuilder{"XSDT"}.add64(Machine::xsdt).add64(Machine::madt).finish());
    auto result = machine.parse();
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.value().madt.processors.size(), 2u);
}

TEST(Acpi, ProcessorsBeyondTheLimitAreCounted) {
    Machine machine;
    TableBuilder table{"APIC", 4};
    table.add32(0xfee0'0000).add32(0);
    for (uint32_t id = 0; id < 100; ++id) {
        table.add8(9).add8(16).add16(0).add32(id).add32(1).add32(id + 1000);
    }
    machine.memory.write(Machine::madt, table.finish());
    auto result = machine.parse();
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.value().madt.processors.size(), madt_most_processors);
    EXPECT_EQ(result.value().madt.processors_beyond_limit, 100u - madt_most_processors);
    EXPECT_EQ(result.value().madt.processors[7].acpi_uid, 1007u);
    EXPECT_FALSE(result.value().madt.has_8259);
}

TEST(Acpi, HardwareReducedMachineHasNoPmTimer) {
    Machine machine;
    machine.memory.write(Machine::fadt, fadt_builder(Machine::dsdt).set(112, 1u << 20, 4).finish());
    auto result = machine.parse();
    ASSERT_TRUE(result.ok());
    ASSERT_TRUE(result.value().fadt.has_value());
    EXPECT_FALSE(result.value().fadt->pm_timer.has_value());
    EXPECT_FALSE(result.value().fadt->reset.has_value());
}

TEST(Acpi, SoftOffNeedsAWholeConstantPackage) {
    const std::vector<uint8_t> sound{0x08, '\\', '_', 'S', '5', '_', 0x12, 0x0a, 0x02, 0x0b, 0x07, 0x00, 0x0a, 0x06};
    auto type = find_soft_off_type(sound);
    ASSERT_TRUE(type.has_value());
    EXPECT_EQ(type->pm1a, 7);
    EXPECT_EQ(type->pm1b, 6);
    for (std::size_t size = 0; size < sound.size(); ++size) {
        EXPECT_FALSE(find_soft_off_type(ByteSpan{sound}.first(size)).has_value()) << size;
    }
    auto too_big = sound;
    too_big.back() = 8;
    EXPECT_FALSE(find_soft_off_type(too_big).has_value());
    auto one_element = sound;
    one_element[8] = 1;
    EXPECT_FALSE(find_soft_off_type(one_element).has_value());
}

TEST(Acpi, GarbageSignaturesAreMadePrintable) {
    EXPECT_EQ(AcpiSignature{"\x1b[2J"}.text(), "?[2J");
    EXPECT_EQ(AcpiSignature{"AB"}.text(), "AB??");
}

}  // namespace
}  // namespace ringfold::acpi_test
