// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// IRETQ is the guest kernel's own instruction. With a frame that leads to ring 0 or 2, to no code, to a stack that does
// not fit, or with NT set, it must fault in ring 1, at the IRETQ, with hardware's error code (Intel SDM volume 2,
// IRET): #GP of the selector. Expected for each bad frame exactly that, and that good frames to rings 1 and 3 work.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void program() { asm volatile("syscall"); }

struct Words5 {
    uint64_t rip, cs, rflags, rsp, ss;
};

// RDI: the five words; RSI: RFLAGS while executing.
extern "C" [[gnu::naked]] void execute_iretq(const Words5 *, uint64_t) {
    asm volatile("movq %rdi, %rsp\n\tpushq %rsi\n\tpopfq\n\t.globl iretq_instruction\niretq_instruction:\n\tiretq");
}
extern "C" const char iretq_instruction[];
extern "C" [[gnu::naked]] void landing() { asm volatile("ud2"); }

struct Case {
    const char *name;
    uint64_t cs, ss, error;
};
constexpr Case cases[] = {
    {"ring 0 code of the gate", 0x80, 0x88, 0x80},
    {"Linux' ring 0 code", 0x10, 0x18, 0x10},
    {"kernel code with RPL 2", 0x12, 0x1a, 0x10},
    {"kernel code with RPL 3", 0x13, RINGFOLD_USER_DS, 0x10},
    {"user code with RPL 2", 0x32, 0x2a, 0x30},
    {"user code with RPL 1", 0x31, RINGFOLD_KERNEL_DS, 0x30},
    {"null", 0, RINGFOLD_USER_DS, 0},
    {"data", RINGFOLD_USER_DS, RINGFOLD_USER_DS, 0x28},
    {"past the table", 0xfff3, RINGFOLD_USER_DS, 0xfff0},
    {"no LDT", 0x0f, RINGFOLD_USER_DS, 0x0c},
    {"user code, null SS", RINGFOLD_USER_CS, 0, 0},
    {"user code, code as SS", RINGFOLD_USER_CS, RINGFOLD_USER_CS, 0x30},
    {"user code, kernel SS", RINGFOLD_USER_CS, RINGFOLD_KERNEL_DS, 0x18},
    {"user code, SS with RPL 2", RINGFOLD_USER_CS, 0x2a, 0x28},
};

// On a stack of its own: a fault is delivered right below it.
constinit Words5 *words = nullptr;

Entry try_frame(uint64_t cs, uint64_t ss, uint64_t rip, uint64_t stack, uint64_t flags_before) {
    *words = {rip, cs, user_flags, stack, ss};
    return catch_entry([=] { execute_iretq(words, flags_before); });
}

}  // namespace

void guest_main() {
    set_up_user();
    words = reinterpret_cast<Words5 *>(linear_address(allocate_frames(4)) + 3 * page_size);
    const uint64_t kernel_rip = reinterpret_cast<uint64_t>(landing);
    const uint64_t kernel_stack = linear_address(allocate_frame()) + page_size;
    const uint64_t at = reinterpret_cast<uint64_t>(iretq_instruction);
    constexpr uint64_t plain = flag_reserved | flag_interrupt;

    for (const Case &test : cases) {
        for (const uint64_t rip : {kernel_rip, user_address(program)}) {
            const Entry entry = try_frame(test.cs, test.ss, rip, user_stack_top, plain);
            check(entry.frame.vector == general_protection && entry.frame.error == test.error &&
                      entry.frame.rip == at && entry.frame.cs == RINGFOLD_KERNEL_CS,
                  "%s: entry 0x%lx error 0x%lx at %lx:%lx", test.name, entry.frame.vector, entry.frame.error,
                  entry.frame.cs, entry.frame.rip);
        }
    }
    const Entry nested =
        try_frame(RINGFOLD_KERNEL_CS, RINGFOLD_KERNEL_DS, kernel_rip, kernel_stack, plain | flag_nested_task);
    check(nested.frame.vector == general_protection && nested.frame.error == 0 && nested.frame.rip == at,
          "with NT: entry 0x%lx", nested.frame.vector);

    const Entry same = try_frame(RINGFOLD_KERNEL_CS, RINGFOLD_KERNEL_DS, kernel_rip, kernel_stack, plain);
    check(same.frame.vector == invalid_opcode && same.frame.rip == kernel_rip && same.frame.rsp == kernel_stack,
          "to ring 1: entry 0x%lx", same.frame.vector);
    disable_upcalls();
    const Entry outer = try_frame(RINGFOLD_USER_CS, RINGFOLD_USER_DS, user_address(program), user_stack_top, plain);
    check(outer.frame.vector == entry_system_call && outer.frame.cs == RINGFOLD_USER_CS, "to ring 3: entry 0x%lx",
          outer.frame.vector);
}
