// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/control_registers.hpp"

namespace ringfold {
namespace {

constexpr uint32_t msr_debug_control = 0x1d9;
constexpr uint32_t msr_xss = 0xda0;

constexpr uint64_t efer_long_mode_active = 1u << 10;  // read-only on Intel; AMD wants it back as it is

// The reset value (Intel SDM vol. 3, table 11-12): WB, WT, UC-, UC, twice. Firmware may have left another.
constexpr uint64_t default_pat = 0x0007'0406'0007'0406;

bool bit(uint32_t word, unsigned position) { return (word >> position & 1) != 0; }

ControlFeatures offered_features() {
    const uint32_t highest_leaf = cpuid(0).eax;
    const auto basic = cpuid(1);
    const auto extended = highest_leaf >= 7 ? cpuid(7, 0) : CpuidResult{};
    ControlFeatures features{.smep = bit(extended.ebx, 7),
                             .umip = bit(extended.ecx, 2),
                             .process_context_ids = bit(basic.ecx, 17),
                             .xsave = bit(basic.ecx, 26) && highest_leaf >= 0xd,
                             .xsaves = false,
                             .xcr0_supported = 0};
    if (features.xsave) {
        const auto states = cpuid(0xd, 0);
        features.xcr0_supported = uint64_t{states.edx} << 32 | states.eax;
        features.xsaves = bit(cpuid(0xd, 1).eax, 3);
    }
    return features;
}

}  // namespace

void initialise_control_registers() {
    const ControlFeatures features = offered_features();
    write_msr(msr::extended_features, (read_msr(msr::extended_features) & efer_long_mode_active) | efer::system_call |
                                          efer::long_mode_enable | efer::no_execute);
    write_cr0(chosen_cr0);
    // PCIDE may be set only while CR3's PCID is 0, which it is on every way here (SDM vol. 3, 4.10.1).
    write_cr4(chosen_cr4(features));
    if (features.xsave) {
        write_xcr0(chosen_xcr0(features.xcr0_supported));
    }
    if (features.xsaves) {
        write_msr(msr_xss, 0);
    }
    write_msr(msr::page_attributes, default_pat);
    write_msr(msr::sysenter_cs, 0);  // no SYSENTER: it would enter ring 0 on a stack of the guest's choice
    write_msr(msr_debug_control, 0);
}

}  // namespace ringfold
