// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// An entry from ring 3 exchanges the GS base: the user's goes to user_gs_base, the kernel's is loaded from
// kernel_gs_base; an entry from ring 1 leaves both alone. Expected: exact values on each side of a system call, an
// exception and INT 0x80, and that the user gets the base that the kernel put into user_gs_base meanwhile.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t first_base = 0x0000'1111'2222'3000;
constexpr uint64_t second_base = 0x0000'3333'4444'5000;

// Sets the GS base to RDI, enters the kernel in one of three ways, and reports in RBX the base it came back with.
USER_PROGRAM void by_system_call() {
    asm volatile("wrgsbase %rdi\n\txorl %eax, %eax\n\tsyscall\n\trdgsbase %rbx\n\tud2");
}
USER_PROGRAM void by_int80() { asm volatile("wrgsbase %rdi\n\tint $0x80\n\trdgsbase %rbx\n\tud2"); }
USER_PROGRAM void by_breakpoint() { asm volatile("wrgsbase %rdi\n\tint3\n\trdgsbase %rbx\n\tud2"); }

constinit uint64_t base_in_kernel = 0;
constinit uint64_t base_in_page = 0;

bool exchange(Frame &frame) {
    if (frame.vector == invalid_opcode) {
        return false;
    }
    base_in_kernel = read_gs_base();
    base_in_page = vcpu_page().user_gs_base;
    vcpu_page().user_gs_base = second_base;
    return true;
}

}  // namespace

void guest_main() {
    set_up_user();
    const uint64_t kernel_base = read_gs_base();
    check_equal(kernel_base, vcpu_page().kernel_gs_base, "the framework's GS base");

    this_vcpu().hook = exchange;
    for (void (*program)() : {by_system_call, by_int80, by_breakpoint}) {
        const Entry entry = run_user(program, first_base);
        check_equal(entry.frame.vector, invalid_opcode, "the program's end");
        check_equal(base_in_kernel, kernel_base, "GS base in the kernel");
        check_equal(base_in_page, first_base, "the user's GS base in the page");
        check_equal(entry.frame.rbx, second_base, "the user's GS base after the return");
        check_equal(vcpu_page().user_gs_base, second_base, "the page after the last entry");
        check_equal(read_gs_base(), kernel_base, "GS base after it");
    }
    this_vcpu().hook = nullptr;

    vcpu_page().user_gs_base = first_base;
    write_gs_base(first_base + 1);
    const Entry inner = catch_entry([] { asm volatile("int3"); });
    check_equal(inner.frame.vector, breakpoint, "a breakpoint in ring 1");
    check_equal(read_gs_base(), first_base + 1, "GS base after an entry from ring 1");
    check_equal(vcpu_page().user_gs_base, first_base, "the page after an entry from ring 1");
    write_gs_base(kernel_base);
}
