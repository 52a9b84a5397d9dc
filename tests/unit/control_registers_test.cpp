// SPDX-License-Identifier: Apache-2.0
//
// The processor state that the gate's safety rests on, as decisions.
#include "hypervisor/cpu/control_registers.hpp"

#include <gtest/gtest.h>

namespace ringfold {
namespace {

constexpr ControlFeatures everything{.smep = true,
                                     .umip = true,
                                     .process_context_ids = true,
                                     .xsave = true,
                                     .xsaves = true,
                                     .xcr0_supported = ~uint64_t{0}};

TEST(ControlRegisters, WhatMustNeverBeOnIsOff) {
    constexpr uint64_t vme_and_pvi = 0x3;
    constexpr uint64_t debugging_extensions = 1u << 3;
    constexpr uint64_t global_pages_and_counters = 0x180;
    constexpr uint64_t five_levels = 1u << 12;
    constexpr uint64_t smap = 1u << 21;
    constexpr uint64_t cet_and_pks_and_uintr = 7u << 23;
    constexpr uint64_t fred = uint64_t{1} << 32;
    constexpr uint64_t forbidden = vme_and_pvi | debugging_extensions | global_pages_and_counters | five_levels | smap |
                                   cet_and_pks_and_uintr | fred;
    EXPECT_EQ(chosen_cr4(everything) & forbidden, 0u);
    EXPECT_EQ(chosen_cr4({}) & forbidden, 0u);
    EXPECT_EQ(chosen_cr0 & (cr0::emulation | cr0::task_switched), 0u);
}

TEST(ControlRegisters, WhatProtectsIsOnWhereThere) {
    EXPECT_EQ(chosen_cr4(everything), 0x170e60u);
    EXPECT_EQ(chosen_cr4({}), 0x10660u);
    EXPECT_EQ(chosen_cr0, 0x8005'0033u);
}

TEST(ControlRegisters, ExtendedStatesAreWhole) {
    EXPECT_EQ(chosen_xcr0(0x3), 0x3u);
    EXPECT_EQ(chosen_xcr0(0x7), 0x7u);
    EXPECT_EQ(chosen_xcr0(0xe7), 0xe7u);
    EXPECT_EQ(chosen_xcr0(0xe3), 0x3u) << "AVX-512 without AVX";
    EXPECT_EQ(chosen_xcr0(0x67), 0x7u) << "half of AVX-512";
    EXPECT_EQ(chosen_xcr0(~uint64_t{0}), 0xe7u) << "PKRU, AMX, MPX and supervisor states stay off";
}

}  // namespace
}  // namespace ringfold
