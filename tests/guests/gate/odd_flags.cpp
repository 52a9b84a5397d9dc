// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// SYSCALL with TF, NT, AC or DF set. The gate runs with them clear (SFMASK: with NT its own IRETQ would fault, with TF
// it would single-step) and puts them into the frame; the kernel starts with RFLAGS 0x202. Expected for each from ring
// 3: the system call with that flag in its frame and R11; back with it: the flag is still there, and with TF a debug
// exception after the next instruction. From ring 1 a hypercall with AC, NT or DF set answers, and keeps the flag.
#include "framework/guest.hpp"

using namespace guest;

namespace {

// RDI: the flags. The NOP behind the first call is where a single-step trap comes.
USER_PROGRAM void call_with_flags() {
    asm volatile(R"(
	movl $1, %eax
	pushq %rdi
	popfq
	syscall
	nop
	movl $2, %eax
	pushfq
	popq %rbx
	syscall
)");
}

constinit uint64_t kernel_flags = 0;
constinit Frame first{};

bool answer(Frame &frame) {
    if (frame.vector == entry_system_call && frame.rax == 1) {
        kernel_flags = read_flags();
        first = frame;
        return true;
    }
    return false;
}

void from_user(uint64_t flag) {
    kernel_flags = ~uint64_t{0};
    const Entry entry = run_user(call_with_flags, user_flags | flag);
    check((kernel_flags & (flag | flag_interrupt)) == flag_interrupt, "flag 0x%lx: RFLAGS in the kernel 0x%lx", flag,
          kernel_flags);
    check(first.rflags == (user_flags | flag), "flag 0x%lx: RFLAGS of the frame 0x%lx", flag, first.rflags);
    check(first.r11 == (user_flags | flag), "flag 0x%lx: R11 0x%lx", flag, first.r11);
    check(entry.frame.vector == entry_system_call && entry.frame.rbx == (user_flags | flag),
          "flag 0x%lx: entry 0x%lx, then 0x%lx", flag, entry.frame.vector, entry.frame.rbx);
}

// With TF the trap comes after the first instruction behind POPF, which is the SYSCALL: none in the kernel (the gate
// absorbs what Bochs delivers there), and none until the user runs again.
void single_step() {
    const Entry entry = run_user(call_with_flags, user_flags | flag_trap);
    check_equal(first.rflags, user_flags | flag_trap, "RFLAGS of the system call's frame");
    check_equal(kernel_flags & flag_trap, 0, "TF in the kernel");
    check_equal(entry.frame.vector, debug_exception, "the entry after it");
    check(entry.frame.from_user() && entry.frame.rip == first.rip + 1, "a trap behind the next instruction: %lx:%lx",
          entry.frame.cs, entry.frame.rip);
    check_equal(entry.dr6 & 0x4000, 0x4000, "single step in DR6");
}

uint64_t hypercall_with_flag(uint64_t flag, uint64_t &status) {
    uint64_t flags = flag_reserved | flag_interrupt | flag;
    status = RINGFOLD_HYPERCALL_VERSION;
    uint64_t query = 0;
    asm volatile(
        "pushq %[flags]\n\tpopfq\n\tcall ringfold_hypercall_entry\n\tpushfq\n\tpopq %[flags]\n\tpushq $0x202\n\tpopfq"
        : [flags] "+r"(flags), "+a"(status), "+D"(query)
        :
        : "rcx", "rdx", "r11", "memory", "cc");
    return flags;
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = answer;
    constexpr uint64_t all = flag_nested_task | flag_alignment_check | flag_direction | flag_identification;
    for (const uint64_t flag :
         Words{flag_nested_task, flag_alignment_check, flag_direction, flag_identification, all}) {
        from_user(flag);
        uint64_t status = 0;
        const uint64_t flags = hypercall_with_flag(flag, status);
        check_equal(status, 0, "a hypercall with odd flags");
        check_equal(flags & flag, flag, "the flag after it");
    }
    single_step();
}
