// SPDX-License-Identifier: Apache-2.0
//
// How every processor is set while Ringfold runs (docs/architecture.md): decided from what the processor offers, by
// pure functions, and written in one place for the boot processor and the others alike.
#pragma once

#include "hypervisor/cpu/registers.hpp"

#include <cstdint>

namespace ringfold {

// What of the processor's offers matters here.
struct ControlFeatures {
    bool smep = false;
    bool umip = false;
    bool process_context_ids = false;
    bool xsave = false;
    bool xsaves = false;
    uint64_t xcr0_supported = 0;  // CPUID leaf 0Dh, EDX:EAX
};

// WP guards read-only pages from rings 0 to 2; AM lets ring 3 have its alignment checks, as Linux expects.
inline constexpr uint64_t chosen_cr0 = cr0::protection_enable | cr0::monitor_coprocessor | cr0::extension_type |
                                       cr0::numeric_error | cr0::write_protect | cr0::alignment_mask | cr0::paging;

// DESIGN: SMEP, UMIP and FSGSBASE on where there; no global pages; SMAP, FRED, CET, PKS, UINTR, LA57, PCE, VME, PVI
// off. DE off as well: DR4 and DR5 stay aliases, and a breakpoint on an I/O port cannot be made.
[[nodiscard]] constexpr uint64_t chosen_cr4(const ControlFeatures &features) {
    return cr4::physical_address_extension | cr4::machine_check_enable | cr4::os_fxsave | cr4::os_simd_exceptions |
           cr4::fsgsbase | (features.smep ? cr4::supervisor_execution_prevention : 0) |
           (features.umip ? cr4::user_mode_instruction_prevention : 0) |
           (features.process_context_ids ? cr4::process_context_ids : 0) | (features.xsave ? cr4::os_xsave : 0);
}

// The states that guests may have: x87, SSE, AVX, AVX-512. A state without those it builds on is a #GP
// (Intel SDM vol. 1, 13.3), so that what a strange hypervisor below offers is taken only as far as it is whole.
[[nodiscard]] constexpr uint64_t chosen_xcr0(uint64_t supported) {
    constexpr uint64_t x87_and_sse = 0x3;
    constexpr uint64_t avx = 0x4;
    constexpr uint64_t avx512 = 0xe0;
    uint64_t chosen = x87_and_sse;
    if ((supported & avx) != 0) {
        chosen |= avx;
        if ((supported & avx512) == avx512) {
            chosen |= avx512;
        }
    }
    return chosen;
}

// Reads what this processor offers, sets CR0, CR4, EFER, XCR0, the PAT and the MSRs that must be quiet. Every processor
// calls it once, on its final page tables, before it takes up anything of a guest.
void initialise_control_registers();

}  // namespace ringfold
