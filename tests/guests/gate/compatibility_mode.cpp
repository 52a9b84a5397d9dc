// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// 32-bit user code: INT 0x80 arrives at its entry with the 32-bit CS in the frame and returns there; SYSCALL arrives at
// the 32-bit entry (AMD) or is undefined (Intel); SYSENTER never enters anything: SYSENTER_CS is 0, so it faults in
// ring 3 (Intel SDM volume 2, SYSENTER). From 64-bit code SYSENTER faults as well.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void int80() {
    asm volatile(".code32\n\tmovl $1, %eax\n\tint $0x80\n\tincl %eax\n\tint $0x80\n\t.code64");
}
USER_PROGRAM void system_call() { asm volatile(".code32\n\tsyscall\n\t.code64"); }
USER_PROGRAM void system_enter() { asm volatile(".code32\n\tsysenter\n\t.code64"); }
USER_PROGRAM void system_enter_64() { asm volatile("sysenter"); }

constinit Frame first{};

bool answer(Frame &frame) {
    if (frame.vector == entry_int80 && frame.rax == 1) {
        first = frame;
        frame.rax = 40;
        return true;
    }
    return false;
}

template <typename Program>
Frame frame_32(Program *program) {
    Frame frame = user_frame(program);
    frame.cs = RINGFOLD_USER32_CS;
    return frame;
}

bool is_amd() { return cpuid(0).ebx == 0x68747541; }  // "Auth"enticAMD

void check_faults(const Entry &entry, uint64_t rip, const char *what) {
    const bool stopped = entry.frame.vector == general_protection || entry.frame.vector == invalid_opcode;
    check(stopped && entry.frame.rip == rip && entry.frame.from_user(), "%s: entry 0x%lx at %lx:%lx", what,
          entry.frame.vector, entry.frame.cs, entry.frame.rip);
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = answer;
    const Entry second = run_user(frame_32(int80));
    check_equal(first.cs, RINGFOLD_USER32_CS, "CS of INT 0x80's frame");
    check_equal(first.rip, user_address(int80) + 7, "its RIP");
    check_equal(second.frame.vector, entry_int80, "the second INT 0x80");
    check_equal(second.frame.rax, 41, "EAX came back and was counted up");
    check_equal(second.frame.cs, RINGFOLD_USER32_CS, "CS after the return");

    const Entry call = run_user(frame_32(system_call));
    if (is_amd()) {
        check_equal(call.frame.vector, entry_system_call32, "SYSCALL from 32-bit code");
        check_equal(call.frame.rip, user_address(system_call) + 2, "its RIP");
        check_equal(call.frame.cs, RINGFOLD_USER32_CS, "its CS");
    } else {
        check_faults(call, user_address(system_call), "SYSCALL from 32-bit code");
    }
    check_faults(run_user(frame_32(system_enter)), user_address(system_enter), "SYSENTER from 32-bit code");
    check_faults(run_user(system_enter_64), user_address(system_enter_64), "SYSENTER from 64-bit code");
    const uint64_t vector = catch_entry(system_enter_64).frame.vector;
    check(vector == general_protection || vector == invalid_opcode, "SYSENTER from ring 1: entry 0x%lx", vector);
}
