// SPDX-License-Identifier: Apache-2.0
//
// Instructions that C++ has no words for.
#pragma once

#include <cstdint>

namespace hwprobe {

struct CpuidResult {
    uint32_t eax, ebx, ecx, edx;
};

[[nodiscard]] inline CpuidResult cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    CpuidResult r{};
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

inline void write_msr(uint32_t msr, uint64_t value) {
    asm volatile("wrmsr" : : "c"(msr), "a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32)));
}

[[nodiscard]] inline uint64_t read_cr4() {
    uint64_t value = 0;
    asm volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}
inline void write_cr4(uint64_t value) { asm volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

inline void reload_cr3() {
    uint64_t root = 0;
    asm volatile("mov %%cr3, %0\n\tmov %0, %%cr3" : "+r"(root) : : "memory");
}

// Debug registers: one breakpoint, in DR0; 0 in `control` is none.
inline void set_breakpoint(uint64_t where, uint64_t control) {
    asm volatile("mov %0, %%dr0" : : "r"(where));
    asm volatile("mov %0, %%dr6" : : "r"(uint64_t{0xffff'0ff0}));
    asm volatile("mov %0, %%dr7" : : "r"(control | 0x400));
}

inline void write_port(uint16_t port, uint8_t value) { asm volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
[[nodiscard]] inline uint8_t read_port(uint16_t port) {
    uint8_t value = 0;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

}  // namespace hwprobe
