// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A SYSCALL from ring 3 enters the ring-1 kernel and returns through the return window (vcpu.h, "Delivery", "Return").
// Expected: the frame hardware would have pushed, return RIP in RCX and flags in R11, on the kernel stack of the vCPU
// page, with the virtual interrupt flag 0 and RFLAGS 0x202; after the return every register but RAX (our answer), RCX
// and R11 is what it was, RSP, flags and selectors included.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t answer = 0x1234'5678'9abc'def0;

extern "C" const char first_return[];
extern "C" const char second_return[];

USER_PROGRAM void program() {
    asm volatile(R"(
	movq $0x101, %rbx
	movq $0x102, %rbp
	movq $0x103, %rdi
	movq $0x104, %rsi
	movq $0x105, %rdx
	movq $0x106, %r8
	movq $0x107, %r9
	movq $0x108, %r10
	movq $0x109, %r12
	movq $0x10a, %r13
	movq $0x10b, %r14
	movq $0x10c, %r15
	movl $1, %eax
	stc
	syscall
	.globl first_return
first_return:
	syscall
	.globl second_return
second_return:
	ud2
)");
}

struct Seen {
    Frame frame;
    uint64_t flags;
    uint64_t interrupt_flag;
    uint64_t stack_top;
};
constinit Seen seen{};

bool answer_first_call(Frame &frame) {
    if (frame.vector != entry_system_call || frame.rax != 1) {
        return false;
    }
    seen = {frame, read_flags(), vcpu_page().interrupt_flag, reinterpret_cast<uint64_t>(&frame + 1)};
    frame.rax = answer;
    return true;
}

void check_kept(const Frame &frame) {
    const uint64_t kept[] = {frame.rbx, frame.rbp, frame.rdi, frame.rsi, frame.rdx, frame.r8,
                             frame.r9,  frame.r10, frame.r12, frame.r13, frame.r14, frame.r15};
    for (uint64_t i = 0; i < sizeof kept / sizeof kept[0]; ++i) {
        check(kept[i] == 0x101 + i, "register %lu is 0x%lx", i, kept[i]);
    }
    check_equal(frame.cs, RINGFOLD_USER_CS, "CS");
    check_equal(frame.ss, RINGFOLD_USER_DS, "SS");
    check_equal(frame.rsp, user_stack_top, "RSP");
    check_equal(frame.rflags, user_flags | flag_carry, "RFLAGS of the frame");
    check_equal(frame.r11, user_flags | flag_carry, "R11");
    check_equal(frame.rcx, frame.rip, "RCX is the return RIP");
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = answer_first_call;
    const Entry second = run_user(program);

    check_kept(seen.frame);
    check_equal(seen.frame.rip, user_address(first_return), "RIP of the first call");
    check_equal(seen.flags & ~(flag_zero | flag_carry | 0x94), user_flags,
                "RFLAGS in the kernel, arithmetic ones aside");
    check_equal(seen.interrupt_flag, 0, "virtual interrupt flag in the kernel");
    check_equal(seen.stack_top, vcpu_page().kernel_stack, "the frame is at the top of the kernel stack");

    check(second.happened, "the program came back");
    check_equal(second.frame.vector, entry_system_call, "second entry");
    check_equal(second.frame.rip, user_address(second_return), "RIP of the second call");
    check_equal(second.frame.rax, answer, "RAX after the return");
    check_kept(second.frame);
}
