// SPDX-License-Identifier: Apache-2.0
//
// Single processor instructions that C++ cannot say.
#pragma once

#include <cstdint>

namespace guest {

inline uint64_t read_tsc() {
    uint32_t low = 0;
    uint32_t high = 0;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return static_cast<uint64_t>(high) << 32 | low;
}

// In a loop that waits.
inline void relax() { asm volatile("pause" ::: "memory"); }
// The same where the emulator counts instructions: PAUSE takes it a microsecond there, and counts as a nanosecond.
inline void relax_counted() { asm volatile("" ::: "memory"); }

inline uint64_t read_gs_base() {
    uint64_t value = 0;
    asm volatile("rdgsbase %0" : "=r"(value));
    return value;
}
inline void write_gs_base(uint64_t value) { asm volatile("wrgsbase %0" ::"r"(value) : "memory"); }

inline uint64_t read_fs_base() {
    uint64_t value = 0;
    asm volatile("rdfsbase %0" : "=r"(value));
    return value;
}
inline void write_fs_base(uint64_t value) { asm volatile("wrfsbase %0" ::"r"(value) : "memory"); }

inline uint64_t read_flags() {
    uint64_t value = 0;
    asm volatile("pushfq\n\tpopq %0" : "=r"(value)::"memory");
    return value;
}
inline void write_flags(uint64_t value) { asm volatile("pushq %0\n\tpopfq" ::"r"(value) : "memory", "cc"); }

struct Cpuid {
    uint32_t eax, ebx, ecx, edx;
};
inline Cpuid cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    Cpuid result{};
    asm volatile("cpuid"
                 : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
                 : "a"(leaf), "c"(subleaf));
    return result;
}

// A read or write that the compiler neither drops nor moves.
template <typename T>
T load(uint64_t address) {
    return *reinterpret_cast<const volatile T *>(address);
}
template <typename T>
void store(uint64_t address, T value) {
    *reinterpret_cast<volatile T *>(address) = value;
}

}  // namespace guest
