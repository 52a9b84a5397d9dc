// SPDX-License-Identifier: Apache-2.0
//
// Segment, system and interrupt-gate descriptors: how they are built, and which ones a guest may have.
// Layout: Intel SDM vol. 3A, sections 3.4.5 (segments), 3.5 (system), 6.14.1 (64-bit IDT), 7.7 (TSS).
#pragma once

#include "hypervisor/gate/selectors.hpp"

#include <array>
#include <cstdint>

namespace ringfold::descriptor {

// Bits of a segment descriptor.
inline constexpr uint64_t accessed = uint64_t{1} << 40;
inline constexpr uint64_t writable_or_readable = uint64_t{1} << 41;
inline constexpr uint64_t code = uint64_t{1} << 43;
inline constexpr uint64_t code_or_data = uint64_t{1} << 44;  // clear: a system descriptor, a gate
inline constexpr uint64_t present = uint64_t{1} << 47;
inline constexpr uint64_t long_mode = uint64_t{1} << 53;
inline constexpr uint64_t operand_32 = uint64_t{1} << 54;
inline constexpr uint64_t granularity = uint64_t{1} << 55;
inline constexpr uint64_t limit_4_gib = 0x000f'0000'0000'ffff;
[[nodiscard]] constexpr uint64_t privilege(unsigned level) { return static_cast<uint64_t>(level) << 45; }

// Every descriptor has its accessed bit set: the processor would otherwise write it into a read-only table.
inline constexpr uint64_t flat = present | code_or_data | accessed | writable_or_readable | granularity | limit_4_gib;
[[nodiscard]] constexpr uint64_t code64(unsigned level) { return flat | code | long_mode | privilege(level); }
[[nodiscard]] constexpr uint64_t code32(unsigned level) { return flat | code | operand_32 | privilege(level); }
[[nodiscard]] constexpr uint64_t data(unsigned level) { return flat | operand_32 | privilege(level); }

// May a guest have `value` in its TLS slots or LDT? Only code and data of DPL 3 (DESIGN, rule 4 of the gate): a call
// gate or a DPL-2 code segment leads to ring 0 or past SMEP. Conforming code would run at the caller's ring and is
// harmless, but it is of no use either. What is not present cannot be loaded, so that its type does not matter;
// programs tell by the exception that they came upon it. Zero is an empty slot.
[[nodiscard]] constexpr bool guest_may_have(uint64_t value) {
    if (value == 0) {
        return true;
    }
    constexpr uint64_t conforming = uint64_t{1} << 42;  // for code; expand-down for data
    const bool is_code = (value & code) != 0;
    const bool is_of_users = (value & code_or_data) != 0 && (value & privilege(3)) == privilege(3);
    const bool is_loadable = (value & present) != 0;
    return is_of_users && !(is_loadable && is_code && (value & conforming) != 0) &&
           !(is_loadable && (value & long_mode) != 0 &&
             ((value & operand_32) != 0 || !is_code));  // reserved combinations
}
[[nodiscard]] constexpr uint64_t as_loaded(uint64_t value) { return value == 0 ? 0 : value | accessed; }

static_assert(guest_may_have(code64(3)) && guest_may_have(code32(3)) && guest_may_have(data(3)));
static_assert(!guest_may_have(code64(0)) && !guest_may_have(code64(1)) && !guest_may_have(code64(2)));
static_assert(!guest_may_have(0x0000'ec00'0008'0000));  // a call gate of DPL 3
static_assert(guest_may_have(data(3) & ~present) && !guest_may_have(data(0) & ~present));
static_assert(!guest_may_have(0x0000'6c00'0008'0000));  // a call gate that is not present

// The guest-visible part of the GDT. Index 3's companion rule: SYSCALL loads CS and CS + 8 from gate_cs.
[[nodiscard]] constexpr std::array<uint64_t, gdt_entries> initial_gdt() {
    std::array<uint64_t, gdt_entries> gdt{};
    gdt[guest_kernel_cs / 8] = code64(1);
    gdt[guest_kernel_ds / 8] = data(1);
    gdt[guest_user32_cs / 8] = code32(3);
    gdt[guest_user_ds / 8] = data(3);
    gdt[guest_user_cs / 8] = code64(3);
    gdt[gate_cs / 8] = code64(0);
    gdt[gate_ss / 8] = data(0);
    return gdt;
}

// A system descriptor takes two entries.
struct SystemDescriptor {
    uint64_t low;
    uint64_t high;
};
inline constexpr uint64_t type_ldt = 2;
inline constexpr uint64_t type_available_tss = 9;
[[nodiscard]] constexpr SystemDescriptor system(uint64_t type, uint64_t base, uint64_t limit) {
    return {.low = (limit & 0xffff) | ((base & 0xff'ffff) << 16) | (type << 40) | present | ((limit & 0xf'0000) << 32) |
                   ((base & 0xff00'0000) << 32),
            .high = base >> 32};
}

struct InterruptGate {
    uint64_t low;
    uint64_t high;
};
// Interrupts off on entry. `stack`: 0 = RSP0 (from rings above 0), else the IST entry.
[[nodiscard]] constexpr InterruptGate interrupt_gate(uint64_t target, unsigned level, unsigned stack) {
    constexpr uint64_t type_interrupt_gate = 14;
    return {.low = (target & 0xffff) | (static_cast<uint64_t>(gate_cs) << 16) | (static_cast<uint64_t>(stack) << 32) |
                   (type_interrupt_gate << 40) | privilege(level) | present | ((target & 0xffff'0000) << 32),
            .high = target >> 32};
}

struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    std::array<uint64_t, 3> stacks;  // RSP0..RSP2
    uint64_t reserved1;
    std::array<uint64_t, 7> interrupt_stacks;  // IST1..IST7
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
};
static_assert(sizeof(TaskState) == 104);

}  // namespace ringfold::descriptor
