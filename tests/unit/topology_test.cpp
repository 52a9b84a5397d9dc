// SPDX-License-Identifier: Apache-2.0
//
// The boot processor is CPU 0 wherever the MADT lists it; nobody is online until said so.
#include "hypervisor/cpu/topology.hpp"

#include "hypervisor/cpu/trampoline_frame.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

Madt madt_with(std::initializer_list<uint32_t> apic_ids) {
    Madt madt;
    for (const uint32_t id : apic_ids) {
        EXPECT_TRUE(madt.processors.append({.apic_id = id, .acpi_uid = id + 100}));
    }
    return madt;
}

TEST(Topology, BootProcessorIsCpu0AndTheRestKeepTheirOrder) {
    ASSERT_TRUE(number_cpus(madt_with({8, 4, 6, 2}), 6).ok());
    ASSERT_EQ(cpu_count(), 4u);
    EXPECT_EQ(apic_id_of(CpuId{0}), 6u);
    EXPECT_EQ(apic_id_of(CpuId{1}), 8u);
    EXPECT_EQ(apic_id_of(CpuId{2}), 4u);
    EXPECT_EQ(apic_id_of(CpuId{3}), 2u);
}

TEST(Topology, UnlistedBootProcessorIsAnError) {
    ASSERT_TRUE(number_cpus(madt_with({1}), 1).ok());
    auto result = number_cpus(madt_with({0, 2}), 1);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error(), Error::malformed);
    EXPECT_EQ(cpu_count(), 1u) << "a refused table must change nothing";
}

TEST(Topology, OnlineCpusAreThoseThatSaidSo) {
    const CpuSet before = online_cpus();
    set_online(CpuId{63});
    EXPECT_EQ(online_cpus(), before | CpuSet::of(CpuId{63}));
}

void add_memory(BootInformation &information, uint64_t begin, uint64_t end, MemoryType type) {
    MemoryRange range;
    range.begin = MachineAddress{begin};
    range.end = MachineAddress{end};
    range.type = type;
    ASSERT_TRUE(information.memory.append(range));
}

TEST(TrampolineFrame, IsTheHighestWholeFreeFrameOfLowMemory) {
    BootInformation information;
    add_memory(information, 0, 0x9'fc00, MemoryType::available);
    add_memory(information, 0x9'fc00, 0xa'0000, MemoryType::reserved);
    EXPECT_EQ(find_trampoline_frame(information), MachineFrame{0x9e});
}

TEST(TrampolineFrame, AvoidsModulesAndWhatIsReservedTwice) {
    BootInformation information;
    add_memory(information, 0, 0x9'f000, MemoryType::available);
    add_memory(information, 0x9'e800, 0xa'0000, MemoryType::reserved);
    BootModule module;
    module.begin = MachineAddress{0x9'c800};
    module.end = MachineAddress{0x9'd001};
    ASSERT_TRUE(information.modules.append(module));
    EXPECT_EQ(find_trampoline_frame(information), MachineFrame{0x9b});
}

TEST(TrampolineFrame, MayNotExist) {
    BootInformation information;
    add_memory(information, 0, 0x1000, MemoryType::available);
    add_memory(information, 0x10'0000, 0x1000'0000, MemoryType::available);
    EXPECT_EQ(find_trampoline_frame(information), std::nullopt);
}

}  // namespace
}  // namespace ringfold
