// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The virtual interrupt flag holds upcalls back and shows in RFLAGS.IF of frames. Expected: with the flag 0 a timer
// that fires sets upcall_pending and delivers nothing; with the flag 1 the upcall comes, clears the flag, and its frame
// has IF set; frames of exceptions carry the flag as it was, from both rings; a hypercall changes neither flag nor
// pending.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constinit Frame upcall_frame{};
constinit uint64_t flag_in_upcall = 1;

bool note_upcall(Frame &frame) {
    if (frame.vector == entry_upcall) {
        upcall_frame = frame;
        flag_in_upcall = vcpu_page().interrupt_flag;
    }
    return false;
}

void trap() { asm volatile("int3"); }
USER_PROGRAM void user_trap() { asm volatile("int3"); }

void wait_until_pending() {
    const uint64_t deadline = system_time() + 1000 * millisecond;
    while (vcpu_page().upcall_pending == 0) {
        if (system_time() > deadline) {
            fatal_failure("the timer did not set upcall_pending");
        }
        relax();
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = note_upcall;

    arm_timer(millisecond);
    wait_until_pending();
    check_equal(this_vcpu().upcalls, 0, "upcalls while the flag is 0");
    check_equal(vcpu_page().interrupt_flag, 0, "flag after the timer");
    const Entry masked = catch_entry(trap);
    check_equal(masked.frame.rflags & flag_interrupt, 0, "IF of a frame from ring 1, flag 0");
    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "a hypercall meanwhile");
    check_equal(vcpu_page().upcall_pending, 1, "pending after it");

    enable_upcalls();
    check_equal(this_vcpu().upcalls, 1, "upcalls after unmasking");
    const Entry unmasked = catch_entry(trap);
    check_equal(unmasked.frame.rflags & flag_interrupt, flag_interrupt, "IF of a frame from ring 1, flag 1");

    arm_timer(millisecond);
    const uint64_t deadline = system_time() + 1000 * millisecond;
    while (this_vcpu().upcalls.load() < 2 && system_time() < deadline) {
        relax();
    }
    check_equal(this_vcpu().upcalls, 2, "upcalls after a timer with the flag 1");
    check_equal(flag_in_upcall, 0, "flag in the upcall");
    check_equal(upcall_frame.rflags & flag_interrupt, flag_interrupt, "IF of the upcall's frame");
    check_equal(upcall_frame.cs, RINGFOLD_KERNEL_CS, "CS of the upcall's frame");
    check_equal(vcpu_page().interrupt_flag, 1, "flag after the upcall's return");

    disable_upcalls();
    const Entry user = run_user(user_trap);
    check_equal(user.frame.rflags & flag_interrupt, flag_interrupt, "IF of a frame from ring 3");
    check_equal(vcpu_page().interrupt_flag, 0, "flag after an entry from ring 3");
}
