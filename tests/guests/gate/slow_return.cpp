// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A return to ring 3 that finds an upcall pending takes the slow vector, which delivers the upcall as if from the
// return area. With nothing pending any more it returns. Expected: exactly one upcall, its frame the user's own, GS
// exchanged, no user instruction lost or run twice; and the slow return takes of RFLAGS what the user may have: AC and
// arithmetic flags, with IF set and IOPL, NT, VIF and VIP cleared.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void program() { asm volatile("incq %rbx\n\trdgsbase %rbp\n\tpushfq\n\tpopq %rdx\n\tsyscall"); }

constexpr uint64_t user_base_of_gs = 0x0000'7777'0000'0000;
constinit Frame upcall_frame{};
constinit uint64_t gs_in_upcall = 0;

bool note_upcall(Frame &frame) {
    if (frame.vector == entry_upcall) {
        upcall_frame = frame;
        gs_in_upcall = read_gs_base();
    }
    return false;
}

// Jumps to the slow vector directly with nothing pending: the window cannot get there.
extern "C" [[noreturn, gnu::naked]] void slow_return_only() {
    asm volatile("movabsq %0, %%rsp\n\tint %1" ::"i"(RINGFOLD_VCPU_PAGE_ADDRESS), "i"(RINGFOLD_VECTOR_SLOW_RETURN));
}

void fill_return_frame(uint64_t rflags) {
    volatile ringfold_return_frame &area = vcpu_page().return_frame;
    area.rip = user_address(program);
    area.cs = RINGFOLD_USER_CS;
    area.rflags = rflags;
    area.rsp = user_stack_top;
    area.ss = RINGFOLD_USER_DS;
}

void slow_return_with_flags(uint64_t rflags, uint64_t expected) {
    const Entry entry = catch_entry([=] {
        vcpu_page().interrupt_flag = 0;
        fill_return_frame(rflags);
        write_gs_base(user_base_of_gs);
        asm volatile("xorl %%ebx, %%ebx\n\tjmp slow_return_only" ::: "rbx");
    });
    check_equal(entry.frame.vector, entry_system_call, "the program's end");
    check_equal(entry.frame.rbp, user_base_of_gs, "the user's GS base");
    check_equal(entry.frame.rdx, expected, "RFLAGS in ring 3");
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = note_upcall;
    vcpu_page().user_gs_base = user_base_of_gs;
    Frame frame = user_frame(program);
    frame.rbx = 41;
    frame.r12 = 0xabc;
    vcpu_page().upcall_pending = 1;
    const Entry entry = run_user(frame);

    check_equal(this_vcpu().upcalls, 1, "upcalls");
    check_equal(upcall_frame.rip, user_address(program), "RIP of the upcall's frame");
    check_equal(upcall_frame.cs, RINGFOLD_USER_CS, "CS of the upcall's frame");
    check_equal(upcall_frame.ss, RINGFOLD_USER_DS, "SS of the upcall's frame");
    check_equal(upcall_frame.rsp, user_stack_top, "RSP of the upcall's frame");
    check_equal(upcall_frame.rflags, user_flags, "RFLAGS of the upcall's frame");
    check_equal(upcall_frame.rbx, 41, "RBX in the upcall");
    check_equal(upcall_frame.r12, 0xabc, "R12 in the upcall");
    check_equal(gs_in_upcall, vcpu_page().kernel_gs_base, "GS base in the upcall");
    check_equal(entry.frame.vector, entry_system_call, "the program's end");
    check_equal(entry.frame.rbx, 42, "the program ran once");
    check_equal(entry.frame.rbp, user_base_of_gs, "the user's GS base");

    slow_return_with_flags(user_flags, user_flags);
    slow_return_with_flags(flag_reserved, user_flags);
    slow_return_with_flags(
        user_flags | flag_io_privilege | flag_nested_task | flag_virtual_interrupt | flag_virtual_pending, user_flags);
    slow_return_with_flags(user_flags | flag_alignment_check | flag_carry | flag_identification,
                           user_flags | flag_alignment_check | flag_carry | flag_identification);
}
