// SPDX-License-Identifier: Apache-2.0
//
// In place of hypervisor/cpu/instructions.hpp: the processor that the fuzzed hypervisor has. One for all CPUs, for only
// one of them is at work at a time. Its time goes on when somebody looks at it, so a run can be repeated.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>

namespace ringfold {

namespace fuzzed {

struct Processor {
    uint64_t cr0 = 0;
    uint64_t cr3 = 0;
    uint64_t cr4 = 0;
    std::array<uint64_t, 8> debug{};
    uint64_t tsc = 1'000'000;
    uint64_t ticks_per_read = 100;  // of the time-stamp counter
};
inline Processor processor;

// What only the boot and panics do.
[[noreturn]] inline void no_such_instruction() { std::abort(); }

}  // namespace fuzzed

[[nodiscard]] inline uint64_t read_cr0() { return fuzzed::processor.cr0; }
inline void write_cr0(uint64_t value) { fuzzed::processor.cr0 = value; }
[[nodiscard]] inline uint64_t read_cr2() { return 0; }
[[nodiscard]] inline uint64_t read_cr3() { return fuzzed::processor.cr3; }
inline void write_cr3(uint64_t value) { fuzzed::processor.cr3 = value; }
[[nodiscard]] inline uint64_t read_cr4() { return fuzzed::processor.cr4; }
inline void write_cr4(uint64_t value) { fuzzed::processor.cr4 = value; }

template <unsigned Index>
[[nodiscard]] uint64_t read_debug_register() {
    return fuzzed::processor.debug[Index];
}
template <unsigned Index>
void write_debug_register(uint64_t value) {
    fuzzed::processor.debug[Index] = value;
}

[[nodiscard]] inline uint64_t read_msr(uint32_t) { fuzzed::no_such_instruction(); }
inline void write_msr(uint32_t, uint64_t) { fuzzed::no_such_instruction(); }
inline void write_xcr0(uint64_t) { fuzzed::no_such_instruction(); }

struct CpuidResult {
    uint32_t eax;
    uint32_t ebx;
    uint32_t ecx;
    uint32_t edx;
};

// Nothing is there that need not be, but for room for the extended state.
[[nodiscard]] inline CpuidResult cpuid(uint32_t leaf, uint32_t = 0) {
    constexpr uint32_t extended_state = 0xd;
    constexpr uint32_t bytes = 832;  // x87, SSE, AVX
    return {.eax = 0, .ebx = leaf == extended_state ? bytes : 0, .ecx = 0, .edx = 0};
}

[[nodiscard]] inline uint64_t read_tsc() { return fuzzed::processor.tsc += fuzzed::processor.ticks_per_read; }

inline void invalidate_page(uint64_t) {}
inline void load_local_descriptor_table(uint16_t) {}
inline void save_extended_registers(void *) {}
inline void load_extended_registers(const void *) {}

[[nodiscard]] inline uint64_t read_flags() { return 0x2; }
inline void relax() {}
[[noreturn]] inline void halt_forever() { fuzzed::no_such_instruction(); }

}  // namespace ringfold
