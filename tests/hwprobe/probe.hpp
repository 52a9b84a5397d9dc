// SPDX-License-Identifier: Apache-2.0
//
// What the assembly and the C++ of this program share; probe.inc holds the other half.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hwprobe {

enum class Feature : uint8_t { nothing, fsgsbase, smep, smap, umip, invpcid, rdtscp, xsave };

enum class Arrangement : uint8_t {
    nothing,
    smep,
    smap,
    umip,
    gate_iretq,
    data_break,
    code_break,
    read_only_gdt,
};

enum class Report : uint8_t { event, fixed_flags, taken_flags, resume_flag, stack, gs_base, fault_address };

// A row of the section .probes, written by the macro `probe`.
struct Probe {
    const char *name;
    const char *expected;
    const char *also;  // "" or something else that is right
    const void *code;
    const void *at;  // the instruction that a fault must show
    uint64_t rflags;
    uint8_t ring;
    Feature needs;
    Arrangement arrange;
    Report report;
    uint32_t reserved;
};
static_assert(sizeof(Probe) == 56 && offsetof(Probe, ring) == 48);

// The words that IRETQ takes.
struct EntryFrame {
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};

// Written by engine.asm.
struct Outcome {
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
    uint64_t rax;
    uint64_t cr2;
};
static_assert(sizeof(Outcome) == 72);

inline constexpr uint64_t vector_done = 0x30;
inline constexpr uint64_t vector_ring0_only = 0x31;
inline constexpr uint64_t vector_syscall = 0x100;
inline constexpr uint64_t vector_cstar = 0x101;

extern "C" {
extern const Probe probes_begin[];
extern const Probe probes_end[];
extern const std::byte stubs[];
extern const std::byte syscall_entry[];
extern const std::byte cstar_entry[];
extern const std::byte gate_entry[];
extern const std::byte gate_iretq[];
extern const std::byte call_gate_target[];
extern std::byte ring0_stack_top[];
extern std::byte probe_stack_top[];
extern std::byte debug_stack_top[];
extern std::byte double_fault_stack_top[];
extern std::byte user_stack_top[];
extern const std::byte break_word[];
extern uint64_t level1_table[512];

void run_probe(const EntryFrame *frame, Outcome *outcome);
}

[[nodiscard]] inline uint64_t address(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

}  // namespace hwprobe
