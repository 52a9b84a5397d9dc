// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Only a SYSCALL that returns to exactly the registered address is a hypercall. From ring 1, SYSCALLs everywhere else
// (at the registered address' neighbours, byte by byte, on the hypercall page and on the page before it) with RAX =
// `shutdown` must arrive at the system-call entry and reach no handler. (SYSCALL does not say from which ring it came,
// so the frame has the user's CS with the kernel's RIP: a kernel that does this fools itself only.) From ring 3 nothing
// is a hypercall. Moving the registered address makes the old one a system call.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t mark = 0x1111'2222'3333'4444;

// RDI: where to jump, with RAX the number of `shutdown`.
extern "C" [[gnu::naked]] void jump_with_shutdown(uint64_t) {
    asm volatile("movl $9, %eax\n\tmovabsq $0x1111222233334444, %rbx\n\tjmpq *%rdi");
}

USER_PROGRAM void user_shutdown() { asm volatile("movl $9, %eax\n\txorl %edi, %edi\n\tsyscall"); }

// The page of the hypercall and the one before it, mapped a second time, writable: code is put there.
constexpr uint64_t alias = 0xffff'c000'0000'0000;

void put_system_call(uint64_t page, uint64_t offset) {
    store<uint8_t>(page + offset, 0x0f);
    store<uint8_t>(page + offset + 1, 0x05);
    store<uint8_t>(page + offset + 2, 0x0f);  // UD2, should it return
    store<uint8_t>(page + offset + 3, 0x0b);
}

void check_is_system_call(uint64_t code) {
    const Entry entry = catch_entry([=] { jump_with_shutdown(code); });
    check(entry.frame.vector == entry_system_call, "SYSCALL at %lx: entry 0x%lx", code, entry.frame.vector);
    check(entry.frame.rip == code + 2 && entry.frame.rcx == code + 2 && entry.frame.cs == RINGFOLD_USER_CS,
          "SYSCALL at %lx: frame %lx:%lx", code, entry.frame.cs, entry.frame.rip);
    check(entry.frame.rax == 9 && entry.frame.rbx == mark, "SYSCALL at %lx: RAX %lx RBX %lx", code, entry.frame.rax,
          entry.frame.rbx);
}

}  // namespace

void guest_main() {
    set_up_user();
    const PhysicalFrame code = allocate_frame();
    const uint64_t writable = linear_address(code);
    map_page(alias, entry_for(machine_frame(code), kernel_code));

    // Make alias + 64 the registered address: every other SYSCALL on that page is none.
    constexpr uint64_t position = 64;
    ringfold_vcpu_entries entries = default_entries();
    const uint64_t old_call = entries.hypercall_return - 2;
    for (uint64_t offset = position - 8; offset <= position + 8; ++offset) {
        put_system_call(writable, offset);
        if (offset + 2 != position) {
            entries.hypercall_return = alias + position;
            *call_buffer<ringfold_vcpu_entries>() = entries;
            check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_REGISTER, 0), 0, "moving the address");
            check_is_system_call(alias + offset);
            check_is_system_call(old_call);
            // Back, by the moved address: CALL cannot be used, RCX is where it returns to.
            put_system_call(writable, position - 2);
            store<uint8_t>(writable + position, 0xc3);  // RET
            *call_buffer<ringfold_vcpu_entries>() = default_entries();
            uint64_t status = RINGFOLD_HYPERCALL_VCPU_REGISTER;
            asm volatile("call *%[call]"
                         : "+a"(status)
                         : [call] "r"(alias + position - 2), "D"(0)
                         : "rdx", "rcx", "r11", "memory", "cc");
            check_equal(status, 0, "moving it back");
        }
    }

    const Entry user = run_user(user_shutdown);
    check_equal(user.frame.vector, entry_system_call, "SYSCALL from ring 3");
    check_equal(user.frame.rax, 9, "its RAX");
    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "a hypercall afterwards");
}
