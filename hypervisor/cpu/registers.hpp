// SPDX-License-Identifier: Apache-2.0
//
// The processor's registers that C++ has no word for: control and debug registers, MSRs, CPUID, the time-stamp counter.
// Bit positions: Intel SDM volume 3A, section 2.5 (control registers) and volume 4 (MSRs).
#pragma once

#include <cstdint>

namespace ringfold {

namespace cr0 {
inline constexpr uint64_t protection_enable = uint64_t{1} << 0;
inline constexpr uint64_t monitor_coprocessor = uint64_t{1} << 1;
inline constexpr uint64_t emulation = uint64_t{1} << 2;
inline constexpr uint64_t task_switched = uint64_t{1} << 3;
inline constexpr uint64_t extension_type = uint64_t{1} << 4;
inline constexpr uint64_t numeric_error = uint64_t{1} << 5;
inline constexpr uint64_t write_protect = uint64_t{1} << 16;
inline constexpr uint64_t alignment_mask = uint64_t{1} << 18;
inline constexpr uint64_t paging = uint64_t{1} << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr uint64_t debugging_extensions = uint64_t{1} << 3;
inline constexpr uint64_t physical_address_extension = uint64_t{1} << 5;
inline constexpr uint64_t machine_check_enable = uint64_t{1} << 6;
inline constexpr uint64_t os_fxsave = uint64_t{1} << 9;
inline constexpr uint64_t os_simd_exceptions = uint64_t{1} << 10;
inline constexpr uint64_t user_mode_instruction_prevention = uint64_t{1} << 11;
inline constexpr uint64_t fsgsbase = uint64_t{1} << 16;
inline constexpr uint64_t process_context_ids = uint64_t{1} << 17;
inline constexpr uint64_t os_xsave = uint64_t{1} << 18;
inline constexpr uint64_t supervisor_execution_prevention = uint64_t{1} << 20;
}  // namespace cr4

namespace msr {
inline constexpr uint32_t page_attributes = 0x277;
inline constexpr uint32_t sysenter_cs = 0x174;
inline constexpr uint32_t extended_features = 0xc000'0080;  // EFER
}  // namespace msr

namespace efer {
inline constexpr uint64_t system_call = uint64_t{1} << 0;
inline constexpr uint64_t long_mode_enable = uint64_t{1} << 8;
inline constexpr uint64_t long_mode_active = uint64_t{1} << 10;
inline constexpr uint64_t no_execute = uint64_t{1} << 11;
}  // namespace efer

[[nodiscard]] inline uint64_t read_cr0() {
    uint64_t value;
    asm volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}
inline void write_cr0(uint64_t value) { asm volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }

[[nodiscard]] inline uint64_t read_cr2() {
    uint64_t value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

[[nodiscard]] inline uint64_t read_cr3() {
    uint64_t value;
    asm volatile("mov %%cr3, %0" : "=r"(value) : : "memory");
    return value;
}
inline void write_cr3(uint64_t value) { asm volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }

[[nodiscard]] inline uint64_t read_cr4() {
    uint64_t value;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline void write_cr4(uint64_t value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

// DR0..DR3 are addresses, DR6 says what matched, DR7 is the control register (SDM vol. 3B, 17.2).
template <unsigned Index>
[[nodiscard]] uint64_t read_debug_register() {
    static_assert(Index <= 3 || Index == 6 || Index == 7, "DR4 and DR5 are aliases at best");
    uint64_t value;
    asm volatile("mov %%db%c1, %0" : "=r"(value) : "i"(Index));
    return value;
}
template <unsigned Index>
void write_debug_register(uint64_t value) {
    static_assert(Index <= 3 || Index == 6 || Index == 7, "DR4 and DR5 are aliases at best");
    asm volatile("mov %0, %%db%c1" : : "r"(value), "i"(Index) : "memory");
}

[[nodiscard]] inline uint64_t read_msr(uint32_t index) {
    uint32_t low;
    uint32_t high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index) : "memory");
    return uint64_t{high} << 32 | low;
}
inline void write_msr(uint32_t index, uint64_t value) {
    asm volatile("wrmsr"
                 :
                 : "c"(index), "a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32))
                 : "memory");
}

inline void write_xcr0(uint64_t value) {
    asm volatile("xsetbv"
                 :
                 : "c"(0), "a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32))
                 : "memory");
}

struct CpuidResult {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

// The leaf must exist (see CpuFeatures): for one past the maximum, processors answer something else's.
[[nodiscard]] inline CpuidResult cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    CpuidResult result;
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(subleaf));
    return result;
}

// Not ordered against other instructions.
[[nodiscard]] inline uint64_t read_tsc() {
    uint32_t low;
    uint32_t high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return uint64_t{high} << 32 | low;
}

// Drops the translations of one page in the current address space.
inline void invalidate_page(uint64_t address) { asm volatile("invlpg (%0)" : : "r"(address) : "memory"); }

[[nodiscard]] inline uint64_t read_flags() {
    uint64_t value;
    asm volatile("pushfq\n\tpopq %0" : "=r"(value) : : "memory");
    return value;
}

// In a loop that waits for another CPU.
inline void relax() { asm volatile("pause" : : : "memory"); }

// Never returns, whatever interrupts come.
[[noreturn]] inline void halt_forever() {
    for (;;) {
        asm volatile("cli\n\thlt" : : : "memory");
    }
}

}  // namespace ringfold
