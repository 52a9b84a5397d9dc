// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/gate/gate.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/descriptor.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <cstddef>

namespace ringfold {

namespace {

uint64_t *gdt() { return in_own_space<uint64_t>(virtual_map::gate_gdt.base); }

void write_system_descriptor(unsigned index, const descriptor::SystemDescriptor &value) {
    gdt()[index] = value.low;
    gdt()[index + 1] = value.high;
}

struct [[gnu::packed]] TableRegister {
    uint16_t limit;
    uint64_t base;
};

// Interrupt-stack numbers of the TSS, as gate.asm's IST_STUB uses them.
constexpr unsigned interrupt_stack_of(unsigned vector) {
    switch (vector) {
        case vector_nmi:
            return 1;
        case vector_machine_check:
            return 2;
        case vector_debug:
            return 3;
        case vector_double_fault:
            return 4;
        default:
            return 0;
    }
}

// The ring from which INT n may name the vector.
constexpr unsigned privilege_of(unsigned vector) {
    switch (vector) {
        case vector_breakpoint:
        case vector_overflow:
        case vector_int80:
            return 3;
        case vector_slow_return:
            return 1;
        default:
            return 0;
    }
}

void load_global_descriptors() {
    const auto initial = descriptor::initial_gdt();
    for (unsigned index = 0; index < gdt_entries; ++index) {
        gdt()[index] = initial[index];
    }
    auto *task_state = in_own_space<descriptor::TaskState>(virtual_map::gate_tss.base);
    task_state->stacks[0] = virtual_map::gate_stack.end();
    for (unsigned stack = 0; stack < 4; ++stack) {
        task_state->interrupt_stacks[stack] = virtual_map::gate_ist.base + (stack + 1) * page_size;
    }
    task_state->io_map_base = sizeof(descriptor::TaskState);  // past the limit: no port is anybody's
    write_system_descriptor(tss_index, descriptor::system(descriptor::type_available_tss, virtual_map::gate_tss.base,
                                                          sizeof(descriptor::TaskState) - 1));

    const TableRegister table{.limit = gdt_entries * 8 - 1, .base = virtual_map::gate_gdt.base};
    // The data segment registers are given null selectors; ring 0 needs none in 64-bit mode.
    asm volatile(
        "lgdt %0\n\t"
        "pushq %1\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "lretq\n"
        "1:\n\t"
        "movl %2, %%eax\n\t"
        "movl %%eax, %%ss\n\t"
        "xorl %%eax, %%eax\n\t"
        "movl %%eax, %%ds\n\t"
        "movl %%eax, %%es\n\t"
        "movl %%eax, %%fs\n\t"
        "movl %%eax, %%gs\n\t"
        "lldt %%ax\n\t"
        "movl %3, %%eax\n\t"
        "ltr %%ax"
        :
        : "m"(table), "i"(gate_cs), "i"(gate_ss), "i"(tss_index * 8)
        : "rax", "memory");
}

void load_interrupt_descriptors() {
    auto *idt = in_own_space<descriptor::InterruptGate>(virtual_map::gate_idt.base);
    for (unsigned vector = 0; vector < vector_count; ++vector) {
        idt[vector] = descriptor::interrupt_gate(gate_stubs[vector], privilege_of(vector), interrupt_stack_of(vector));
    }
    const TableRegister table{.limit = vector_count * sizeof(descriptor::InterruptGate) - 1,
                              .base = virtual_map::gate_idt.base};
    asm volatile("lidt %0" : : "m"(table));
}

void load_system_call_registers() {
    constexpr uint32_t msr_star = 0xc000'0081;
    constexpr uint32_t msr_lstar = 0xc000'0082;
    constexpr uint32_t msr_cstar = 0xc000'0083;
    constexpr uint32_t msr_sfmask = 0xc000'0084;
    // What Linux' own mask clears: CF PF AF ZF SF TF IF DF OF IOPL NT RF AC ID. NT not cleared would make the gate's
    // IRETQ fault; TF would trap in the gate.
    constexpr uint64_t flags = 0x257fd5;
    write_msr(msr_star, static_cast<uint64_t>(gate_cs) << 32);  // SYSRET's half stays 0: nobody returns that way
    write_msr(msr_lstar, reinterpret_cast<uint64_t>(gate_syscall));
    write_msr(msr_cstar, reinterpret_cast<uint64_t>(gate_syscall32));
    write_msr(msr_sfmask, flags);
}

// A registered address, or what stands for none in a comparison with RIP.
constexpr uint64_t or_unreachable(uint64_t address) { return address == 0 ? unreachable_rip : address; }
// A system call without an entry point always fails its range check.
constexpr uint64_t reach_if(uint64_t entry_point) { return entry_point == 0 ? ~uint64_t{0} : store_reach; }

}  // namespace

void initialise_gate(uint64_t hypervisor_root, bool process_context_ids) {
    load_global_descriptors();
    load_interrupt_descriptors();
    load_system_call_registers();
    GateConstants &constants = gate_constants();
    constants = GateConstants{};
    constants.keep_translations = process_context_ids ? RootCache::keep_translations : 0;
    constants.hypervisor_root = hypervisor_root | constants.keep_translations;
    constants.hypervisor_root_seen = hypervisor_root;
    constants.hypercall_return = unreachable_rip;
    constants.window_iretq = unreachable_rip;
    constants.syscall_reach = reach_if(0);
    constants.syscall32_reach = reach_if(0);
    constants.slot_bias = slot_bias;
    constants.store_reach = store_reach;
    constants.gate_calls = process_context_ids ? 0 : 1;
}

void load_gate_entries(const Vcpu &vcpu) {
    const ringfold_vcpu_entries &entries = vcpu.entries;
    GateConstants &constants = gate_constants();
    constants.hypercall_return = or_unreachable(entries.hypercall_return);
    constants.syscall = entries.syscall;
    constants.syscall_reach = reach_if(entries.syscall);
    constants.syscall32 = entries.syscall32;
    constants.syscall32_reach = reach_if(entries.syscall32);
    constants.window_iretq = or_unreachable(entries.window_iretq);
    for (unsigned vector = 0; vector < exception_vectors; ++vector) {
        constants.entries[vector] = entries.exceptions[vector];
    }
    constants.entries[vector_nmi] = 0;
    constants.entries[vector_machine_check] = 0;
    constants.entries[static_cast<std::size_t>(GateEntry::int80)] = entries.int80;
    constants.entries[static_cast<std::size_t>(GateEntry::upcall)] = entries.upcall;
    constants.entries[static_cast<std::size_t>(GateEntry::bad_return)] = entries.bad_return;
}

void load_descriptors(const Vcpu &vcpu) {
    for (unsigned slot = 0; slot < RINGFOLD_TLS_COUNT; ++slot) {
        gdt()[tls_first_index + slot] = vcpu.thread_descriptors[slot];
    }
    gdt()[cpu_number_index] = vcpu.cpu_number_descriptor;

    const LocalDescriptorTable &table = vcpu.local_descriptors;
    this_cpu().space.map_local_descriptors(table);
    if (table.count() == 0) {
        load_local_descriptor_table(0);
        return;
    }
    write_system_descriptor(ldt_index, descriptor::system(descriptor::type_ldt, virtual_map::gate_ldt.base,
                                                          uint64_t{table.count()} * 8 - 1));
    load_local_descriptor_table(ldt_index * 8);
}

}  // namespace ringfold
