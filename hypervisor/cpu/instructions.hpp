// SPDX-License-Identifier: Apache-2.0
//
// Instructions that C++ has no word for: control and debug registers, MSRs, CPUID, the time-stamp counter, extended
// state. tests/fuzz puts a header of this name before it, where they are those of a processor that it makes up.
#pragma once

#include <cstdint>

namespace ringfold {

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

// The LDT is the one that the GDT's descriptor `selector` describes; 0: there is none.
inline void load_local_descriptor_table(uint16_t selector) { asm volatile("lldt %0" : : "r"(selector) : "memory"); }

// The whole of it, in the standard form. `area` is 64-byte aligned (Intel SDM vol. 1, 13.4).
inline void save_extended_registers(void *area) {
    asm volatile("xsave64 %0" : "=m"(*static_cast<char *>(area)) : "a"(~0U), "d"(~0U) : "memory");
}
inline void load_extended_registers(const void *area) {
    asm volatile("xrstor64 %0" : : "m"(*static_cast<const char *>(area)), "a"(~0U), "d"(~0U) : "memory");
}

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
