// SPDX-License-Identifier: Apache-2.0
// guest: timeout=60 hosts=qemu,bochs
//
// The gate's text is executable from ring 1 too: nothing in it may trust that it runs in ring 0. Ring 1 jumps to every
// byte of it, with all registers unmapped or harmless addresses. Its own privileged instructions, and those the gate
// has fix-ups for, must fault as ring 1's: expected each time is an entry into the guest (or the loop that the timer
// ends), never the fix-up path, and a system call, an exception and a hypercall work afterwards.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t text = 0xffff'8000'0000'0000;
constexpr uint64_t text_pages = 4;
constexpr uint64_t patience = millisecond / 2;

constinit uint64_t stack = 0;

USER_PROGRAM void call() { asm volatile("syscall"); }

// RDI: where to jump; RSI: the stack. All other registers name nothing.
extern "C" [[gnu::naked]] void jump(uint64_t, uint64_t) {
    asm volatile(R"(
	movq %rsi, %rsp
	pushq %rdi
	movl $0x1000, %eax
	movq %rax, %rbx
	movq %rax, %rcx
	movq %rax, %rdx
	movq %rax, %rsi
	movq %rax, %rdi
	movq %rax, %rbp
	movq %rax, %r8
	movq %rax, %r9
	movq %rax, %r10
	movq %rax, %r11
	movq %rax, %r12
	movq %rax, %r13
	movq %rax, %r14
	movq %rax, %r15
	retq
)");
}

// An upcall in the gate's text from ring 1 means a loop: end it as any other entry does.
bool end_loop(Frame &frame) {
    if (frame.vector == entry_upcall && frame.rip - text < text_pages * page_size) {
        vcpu_page().upcall_pending = 0;
        frame.vector = invalid_opcode;
    }
    return false;
}

// How much of the text's pages is code; a release build does not tell.
uint64_t text_size() {
    const Result result = hypercall(RINGFOLD_HYPERCALL_DEBUG_HISTOGRAM, 0, 0, 0);
    return result.ok() ? result.value : text_pages * page_size;
}

void check_alive(uint64_t offset) {
    check(run_user(call).frame.vector == entry_system_call, "offset 0x%lx: a system call afterwards", offset);
    const Result result = version(0);
    check(result.ok() && result.value == RINGFOLD_ABI_VERSION, "offset 0x%lx: a hypercall afterwards", offset);
}

}  // namespace

void guest_main() {
    set_up_user();
    stack = linear_address(allocate_frames(4)) + 3 * page_size;
    const uint64_t kernel_gs = read_gs_base();
    this_vcpu().hook = end_loop;
    const uint64_t size = text_size();
    for (uint64_t offset = 0; offset < size; ++offset) {
        arm_timer(patience);
        const Entry entry = catch_entry([=] {
            enable_upcalls();
            jump(text + offset, stack);
        });
        disable_upcalls();
        check(entry.happened, "offset 0x%lx came back", offset);
        write_gs_base(kernel_gs);
        if (offset % 16 == 0) {
            check_alive(offset);
        }
    }
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, 0);
    check_alive(size);
}
