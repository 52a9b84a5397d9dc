// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// An exception in ring 1 arrives on the interrupted stack, aligned down to 16 bytes; RSP itself may be anything.
// Attacked: an RSP that is not canonical, in slot 256, read-only or unmapped. Expected: a double fault, error code 0,
// with the very frame of the event (RSP as it was) on the emergency stack. A good but unaligned RSP is kept in the
// frame and the stack pointer at the entry is aligned. A SYSCALL, from whatever RSP, arrives on the kernel stack with
// that RSP in its frame.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t read_only_page = 0x0000'0000'0110'0000;

constexpr uint64_t bad_stacks[] = {
    0x0000'8000'0000'1000,
    0xffff'7fff'ffff'fff0,
    0,
    16,
    0xffff'8000'0000'1000,
    0xffff'8000'0004'1000,
    0xffff'8000'0005'1000,
    0xffff'8000'0000'0020,
    0xffff'8080'0000'0010,
    0x0000'0000'0300'0000,
    read_only_page + 4096,
};

// RDI: the stack pointer to fault on.
extern "C" [[gnu::naked]] void fault_on_stack(uint64_t) {
    asm volatile("movq %rdi, %rsp\n\t.globl faulting_instruction\nfaulting_instruction:\n\tud2");
}
extern "C" const char faulting_instruction[];

// RDI: the stack pointer to make a system call on: a SYSCALL that is not at the hypercall address.
extern "C" [[gnu::naked]] void system_call_on_stack(uint64_t) {
    asm volatile("movq %rdi, %rsp\n\tsyscall\n\t.globl behind_system_call\nbehind_system_call:\n\tud2");
}
extern "C" const char behind_system_call[];

void check_frame(const Entry &entry, uint64_t vector, uint64_t stack) {
    check(entry.frame.vector == vector && entry.frame.error == 0, "stack %lx: entry 0x%lx error 0x%lx", stack,
          entry.frame.vector, entry.frame.error);
    check_equal(entry.frame.rip, reinterpret_cast<uint64_t>(faulting_instruction), "RIP");
    check_equal(entry.frame.cs, RINGFOLD_KERNEL_CS, "CS");
    check_equal(entry.frame.ss, RINGFOLD_KERNEL_DS, "SS");
    check_equal(entry.frame.rsp, stack, "RSP");
}

// The gate cannot tell from which ring a SYSCALL came: the frame has the user's selectors.
void check_system_call(uint64_t stack) {
    const Entry entry = catch_entry([=] { system_call_on_stack(stack); });
    check(entry.frame.vector == entry_system_call &&
              entry.frame.rip == reinterpret_cast<uint64_t>(behind_system_call) && entry.frame.rsp == stack &&
              entry.frame.cs == RINGFOLD_USER_CS && entry.frame.ss == RINGFOLD_USER_DS,
          "SYSCALL on stack %lx: entry 0x%lx, frame %lx:%lx %lx:%lx", stack, entry.frame.vector, entry.frame.cs,
          entry.frame.rip, entry.frame.ss, entry.frame.rsp);
    check_equal(entry.frame_address + sizeof(Frame), vcpu_page().kernel_stack, "the frame is on the kernel stack");
}

}  // namespace

void guest_main() {
    const PhysicalFrame read_only = allocate_frame();
    map_page(read_only_page, entry_for(machine_frame(read_only), kernel_read_only));

    for (const uint64_t stack : bad_stacks) {
        const Entry entry = catch_entry([=] { fault_on_stack(stack); });
        check_frame(entry, double_fault, stack);
        check_equal(entry.frame_address + sizeof(Frame), vcpu_page().emergency_stack,
                    "the frame is on the emergency stack");
        check_system_call(stack);
    }

    const uint64_t good = linear_address(allocate_frame()) + page_size;
    for (uint64_t misalignment = 0; misalignment < 16; ++misalignment) {
        const uint64_t stack = good - 64 - misalignment;
        const Entry entry = catch_entry([=] { fault_on_stack(stack); });
        check_frame(entry, invalid_opcode, stack);
        check_equal(entry.frame_address + sizeof(Frame), stack & ~uint64_t{15}, "the frame is below RSP, aligned down");
        check_system_call(stack);
    }
}
