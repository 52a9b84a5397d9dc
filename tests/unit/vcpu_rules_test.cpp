// SPDX-License-Identifier: Apache-2.0
//
// What may stand in a vCPU's registers: every single bit of the flags, every selector.
#include "hypervisor/domain/vcpu_rules.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

ringfold_vcpu_registers kernel_registers() {
    ringfold_vcpu_registers registers{};
    registers.cs = RINGFOLD_KERNEL_CS;
    registers.ss = RINGFOLD_KERNEL_DS;
    registers.rflags = 0x202;
    registers.rip = 0xffff'ffff'8000'0000;
    return registers;
}

bool is_allowed(const ringfold_vcpu_registers &registers) { return check_registers(registers).ok(); }

TEST(VcpuRules, FlagsThatAGuestCanHave) {
    constexpr uint64_t optional = 0x254dd5;  // CF PF AF ZF SF TF DF OF NT RF AC ID
    for (unsigned bit = 0; bit < 64; ++bit) {
        auto registers = kernel_registers();
        registers.rflags ^= uint64_t{1} << bit;
        EXPECT_EQ(is_allowed(registers), (optional >> bit & 1) != 0) << "bit " << bit;
    }
}

TEST(VcpuRules, NoPairOfSelectorsIsOfRingsZeroOrTwo) {
    unsigned allowed = 0;
    for (uint32_t cs = 0; cs < 0x100; ++cs) {
        for (uint32_t ss = 0; ss < 0x100; ++ss) {
            auto registers = kernel_registers();
            registers.cs = static_cast<uint16_t>(cs);
            registers.ss = static_cast<uint16_t>(ss);
            if (is_allowed(registers)) {
                ++allowed;
                const bool in_ring_1 = cs == 0x11 && (ss == 0x19 || ss <= 1);
                EXPECT_TRUE(in_ring_1 || ((cs & 3) == 3 && (ss & 3) == 3)) << cs << ' ' << ss;
            }
        }
    }
    EXPECT_EQ(allowed, 3U + 64U * 64U);
}

// Indices 2 to 6 and 12 to 15 of the GDT, the LDT, and nothing.
TEST(VcpuRules, DataSelectorsNameWhatAGuestCanLoad) {
    for (uint32_t selector = 0; selector <= 0xffff; ++selector) {
        const uint32_t index = selector >> 3;
        const bool loadable =
            (selector & 4) != 0 || index == 0 || (index >= 2 && index <= 6) || (index >= 12 && index <= 15);
        for (const auto field : {&ringfold_vcpu_registers::ds, &ringfold_vcpu_registers::es,
                                 &ringfold_vcpu_registers::fs, &ringfold_vcpu_registers::gs}) {
            auto registers = kernel_registers();
            registers.*field = static_cast<uint16_t>(selector);
            ASSERT_EQ(is_allowed(registers), loadable) << selector;
        }
    }
}

TEST(VcpuRules, AddressesAreCanonicalAndOutsideTheSlot) {
    for (const uint64_t bad : {uint64_t{0x0000'8000'0000'0000}, uint64_t{0xffff'7fff'ffff'ffff},
                               uint64_t{0xffff'8000'0000'0000}, uint64_t{0xffff'807f'ffff'ffff}}) {
        auto registers = kernel_registers();
        registers.rip = bad;
        EXPECT_FALSE(is_allowed(registers)) << std::hex << bad;
        registers = kernel_registers();
        registers.entries.bad_return = bad;
        EXPECT_FALSE(is_allowed(registers)) << std::hex << bad;
        EXPECT_FALSE(may_watch(bad)) << std::hex << bad;
    }
    EXPECT_TRUE(may_watch(0xffff'8080'0000'0000));
    EXPECT_FALSE(may_watch(0x0000'7fff'ffff'ffff + 1));
}

}  // namespace
}  // namespace ringfold
