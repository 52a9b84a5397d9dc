// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/ring1_selftest.hpp"

#include "hypervisor/platform/vectors.hpp"

#include <array>
#include <cstddef>

namespace ringfold {
namespace {

struct [[gnu::packed]] DescriptorTablePointer {
    uint16_t limit;
    const void *base;
};
static_assert(sizeof(DescriptorTablePointer) == 10);

// Known to ring1_selftest.asm by offset.
struct Ring1Outcome {
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rax;
};
static_assert(offsetof(Ring1Outcome, rflags) == 32 && sizeof(Ring1Outcome) == 48);

}  // namespace

extern "C" {
void ring1_run(const void *probe, const void *stack, uint64_t rflags, Ring1Outcome *outcome);
void ring1_load_tables(const DescriptorTablePointer *gdt, const DescriptorTablePointer *idt);
void ring1_restore_idt();
extern const std::byte ring1_stubs[];
void ring1_probe_cli();
void ring1_probe_sti();
void ring1_probe_swapgs();
void ring1_probe_read_cr3();
void ring1_probe_clts();
void ring1_probe_rdmsr();
void ring1_probe_in();
void ring1_probe_stac();
void ring1_probe_popf();
}

namespace {

constexpr std::size_t stub_size = 16;
constexpr uint64_t rflags_reserved = 1u << 1;
constexpr uint64_t rflags_if = 1u << 9;
constexpr uint64_t rflags_iopl = 3u << 12;
constexpr uint16_t ring0_code = 0x08;
constexpr uint16_t ring1_code = 0x19;

// Descriptors of Intel SDM vol. 3, 3.4.5 and 7.2.3 (accessed bit set).
constexpr uint64_t code_descriptor(unsigned dpl) { return 0x0020'9b00'0000'0000 | uint64_t{dpl} << 45; }
constexpr uint64_t data_descriptor(unsigned dpl) { return 0x0000'9300'0000'0000 | uint64_t{dpl} << 45; }

struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    std::array<uint64_t, 3> ring_stacks;
    uint64_t reserved1;
    std::array<uint64_t, 7> ist;
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;  // past the limit: no port is open
};
static_assert(sizeof(TaskState) == 104);

struct InterruptGate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t attributes;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
static_assert(sizeof(InterruptGate) == 16);

// Ring 0's segments stand where the boot code has them, so that its IDT goes on working with this table.
constinit std::array<uint64_t, 7> gdt{
    0, code_descriptor(0), data_descriptor(0), code_descriptor(1), data_descriptor(1), 0, 0};
constinit std::array<InterruptGate, ring1_completed + 1> idt{};
constinit TaskState task_state{};
alignas(16) constinit std::array<std::byte, 2048> ring0_stack{};
alignas(16) constinit std::array<std::byte, 512> ring1_stack{};

uint64_t address(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

InterruptGate gate_to(const std::byte *stub, unsigned dpl) {
    const uint64_t offset = address(stub);
    return {.offset_low = static_cast<uint16_t>(offset),
            .selector = ring0_code,
            .ist = 0,
            .attributes = static_cast<uint8_t>(0x8e | dpl << 5),  // present, 64-bit interrupt gate
            .offset_middle = static_cast<uint16_t>(offset >> 16),
            .offset_high = static_cast<uint32_t>(offset >> 32),
            .reserved = 0};
}

void build_tables() {
    for (std::size_t vector = 0; vector < exception_vectors; ++vector) {
        idt[vector] = gate_to(ring1_stubs + vector * stub_size, 0);
    }
    idt[ring1_completed] = gate_to(ring1_stubs + exception_vectors * stub_size, 1);

    task_state.ring_stacks[0] = address(ring0_stack.data() + ring0_stack.size());
    task_state.io_map_base = sizeof(TaskState);
    const uint64_t base = address(&task_state);
    constexpr uint64_t limit = sizeof(TaskState) - 1;
    constexpr uint64_t available_task_state = uint64_t{0x89} << 40;
    gdt[5] = limit | available_task_state | (base & 0xff'ffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[6] = base >> 32;
}

struct Probe {
    const char *instruction;
    void (*code)();
    uint8_t expected;
};

// RING1.md, "Instructions at CPL 1".
constexpr std::array probes{
    Probe{"CLI", ring1_probe_cli, vector_general_protection},
    Probe{"STI", ring1_probe_sti, vector_general_protection},
    Probe{"SWAPGS", ring1_probe_swapgs, vector_general_protection},
    Probe{"MOV from CR3", ring1_probe_read_cr3, vector_general_protection},
    Probe{"CLTS", ring1_probe_clts, vector_general_protection},
    Probe{"RDMSR", ring1_probe_rdmsr, vector_general_protection},
    Probe{"IN", ring1_probe_in, vector_general_protection},
    Probe{"STAC", ring1_probe_stac, vector_invalid_opcode},
    Probe{"POPF", ring1_probe_popf, ring1_completed},
};

bool holds(const Probe &probe, const Ring1Outcome &outcome) {
    if (outcome.cs != ring1_code || outcome.vector != probe.expected) {
        return false;
    }
    if (probe.expected == ring1_completed) {
        return (outcome.rax & rflags_if) != 0 && (outcome.rax & rflags_iopl) == 0;
    }
    return outcome.rip == reinterpret_cast<uint64_t>(probe.code) && outcome.error == 0;
}

const char *expectation(uint8_t vector) {
    switch (vector) {
        case vector_general_protection:
            return "general protection fault";
        case vector_invalid_opcode:
            return "invalid opcode";
        default:
            return "IF stays set and IOPL zero";
    }
}

std::optional<Ring1Breach> run(const Probe &probe) {
    // Interrupts stay off in ring 1, except where the probe is about the flag itself.
    const uint64_t rflags = rflags_reserved | (probe.expected == ring1_completed ? rflags_if : 0);
    Ring1Outcome outcome{};
    ring1_run(reinterpret_cast<const void *>(probe.code), ring1_stack.data() + ring1_stack.size(), rflags, &outcome);
    if (holds(probe, outcome)) {
        return std::nullopt;
    }
    return Ring1Breach{.instruction = probe.instruction,
                       .expected = expectation(probe.expected),
                       .vector = static_cast<uint8_t>(outcome.vector),
                       .error = outcome.error,
                       .rflags = outcome.rflags};
}

}  // namespace

std::optional<Ring1Breach> verify_ring1() {
    build_tables();
    const DescriptorTablePointer gdt_pointer{sizeof(gdt) - 1, gdt.data()};
    const DescriptorTablePointer idt_pointer{sizeof(idt) - 1, idt.data()};
    ring1_load_tables(&gdt_pointer, &idt_pointer);
    std::optional<Ring1Breach> breach;
    for (const Probe &probe : probes) {
        breach = run(probe);
        if (breach) {
            break;
        }
    }
    ring1_restore_idt();
    return breach;
}

}  // namespace ringfold
