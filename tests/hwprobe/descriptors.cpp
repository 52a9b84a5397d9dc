// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/descriptors.hpp"

#include "tests/hwprobe/probe.hpp"
#include "tests/hwprobe/processor.hpp"

#include <array>

namespace hwprobe {
namespace {

struct [[gnu::packed]] DescriptorTablePointer {
    uint16_t limit;
    uint64_t base;
};

struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    std::array<uint64_t, 3> ring_stacks;
    uint64_t reserved1;
    std::array<uint64_t, 7> ist;
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
};
static_assert(sizeof(TaskState) == 104);

struct SystemDescriptor {
    uint64_t low;
    uint64_t high;
};

constexpr uint16_t ring0_code = 0x08;
constexpr uint64_t accessed = uint64_t{1} << 40;

// Intel SDM vol. 3, 3.4.5: segments, present and with the accessed bit set.
constexpr uint64_t code64(unsigned dpl) { return 0x0020'9b00'0000'0000 | uint64_t{dpl} << 45; }
constexpr uint64_t code32(unsigned dpl) { return 0x00cf'9b00'0000'ffff | uint64_t{dpl} << 45; }
constexpr uint64_t data(unsigned dpl) { return 0x00cf'9300'0000'ffff | uint64_t{dpl} << 45; }

enum : unsigned { index_task_state = 11, index_local_table = 13, index_untouched = 15 };

alignas(4096) constinit std::array<uint64_t, 512> gdt{
    0,         code64(0), data(0), code64(1), data(1), code64(3), data(3), code32(1),
    code32(3), code64(2), data(2), 0,         0,       0,         0,       data(1) & ~accessed};
constinit std::array<SystemDescriptor, 1> ldt{};
constinit std::array<SystemDescriptor, vector_ring0_only + 1> idt{};
constinit TaskState task_state{};

constexpr uint16_t gdt_limit = 16 * 8 - 1;
constexpr uint64_t user_region = 0x40'0000;
constexpr uint64_t gdt_alias = user_region + 3 * 4096;

// Intel SDM vol. 3, 7.2.3 and 3.5: TSS (type 9) and LDT (type 2) descriptors of 16 bytes.
void set_system_descriptor(unsigned index, const void *table, uint64_t size, uint64_t type) {
    const uint64_t base = address(table);
    gdt[index] = (size - 1) | (base & 0xff'ffff) << 16 | (0x80 | type) << 40 | (base >> 24 & 0xff) << 56;
    gdt[index + 1] = base >> 32;
}

// Gates (SDM vol. 3, 5.8.3.1 and 6.14.1). Type 12: call gate; 14: interrupt gate, with an IST index.
SystemDescriptor gate(const void *target, unsigned type, unsigned dpl, unsigned ist) {
    const uint64_t offset = address(target);
    return {.low = (offset & 0xffff) | uint64_t{ring0_code} << 16 | uint64_t{ist} << 32 |
                   (uint64_t{0x80} | dpl << 5 | type) << 40 | (offset >> 16 & 0xffff) << 48,
            .high = offset >> 32};
}

void build_idt() {
    constexpr unsigned interrupt_gate = 14;
    constexpr std::size_t stub_size = 16;
    constexpr unsigned debug_ist = 1;
    constexpr unsigned double_fault_ist = 2;
    for (unsigned vector = 0; vector < 32; ++vector) {
        const unsigned ist = vector == 1 ? debug_ist : vector == 8 ? double_fault_ist : 0;
        const unsigned dpl = vector == 3 ? 3 : 0;
        idt[vector] = gate(stubs + vector * stub_size, interrupt_gate, dpl, ist);
    }
    idt[vector_done] = gate(stubs + 32 * stub_size, interrupt_gate, 3, 0);
    idt[vector_ring0_only] = gate(stubs + 33 * stub_size, interrupt_gate, 0, 0);
}

// The pages at 4 MiB: ring 3's code, a read-only one, ring 3's data, and the alias of the GDT.
void map_special_pages() {
    constexpr uint64_t present = 1;
    constexpr uint64_t writable = 2;
    constexpr uint64_t user = 4;
    level1_table[0] = user_region | present | user;
    level1_table[1] = (user_region + 4096) | present;
    level1_table[2] = (user_region + 2 * 4096) | present | writable | user;
    level1_table[3] = address(gdt.data()) | present;
    reload_cr3();
}

}  // namespace

void load_gdt(bool read_only) {
    const DescriptorTablePointer pointer{gdt_limit, read_only ? gdt_alias : address(gdt.data())};
    asm volatile("lgdt %0" : : "m"(pointer));
}

bool in_read_only_gdt(unsigned long where) { return where - gdt_alias <= gdt_limit; }

void load_descriptors() {
    constexpr uint64_t type_local_table = 2;
    constexpr uint64_t type_task_state = 9;
    constexpr unsigned type_call_gate = 12;
    map_special_pages();
    build_idt();
    ldt[0] = gate(call_gate_target, type_call_gate, 3, 0);
    task_state.ring_stacks = {address(ring0_stack_top), 0, address(probe_stack_top)};
    task_state.ist[0] = address(debug_stack_top);
    task_state.ist[1] = address(double_fault_stack_top);
    task_state.io_map_base = sizeof(TaskState);
    set_system_descriptor(index_task_state, &task_state, sizeof(task_state), type_task_state);
    set_system_descriptor(index_local_table, ldt.data(), sizeof(ldt), type_local_table);
    load_gdt(false);
    const DescriptorTablePointer idt_pointer{sizeof(idt) - 1, address(idt.data())};
    asm volatile("lidt %0" : : "m"(idt_pointer));
    asm volatile("lldt %w0" : : "r"(index_local_table * 8));
    asm volatile("ltr %w0" : : "r"(index_task_state * 8));
}

}  // namespace hwprobe
