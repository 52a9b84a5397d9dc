// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// XSA-7: a SYSCALL in the last two bytes of the lower half returns to a non-canonical address; SYSRET would then fault
// in ring 0 on the user's stack. Expected: the system call arrives with that RIP in its frame; returning to it, by the
// window and by the slow return, is a bad return with vector 13 (silicon and Bochs) or a fault of ring 3 at that RIP
// (TCG checks after the switch), never the host's end.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t last_page = 0x0000'7fff'ffff'f000;
constexpr uint64_t beyond = 0x0000'8000'0000'0000;

constinit bool pending_at_return = false;

bool return_once(Frame &frame) {
    if (frame.vector == entry_system_call && frame.rax == 1) {
        frame.rax = 2;
        vcpu_page().upcall_pending = pending_at_return;
        return true;
    }
    return false;
}

void check_return(const Entry &entry, const char *what) {
    const bool refused = entry.frame.vector == entry_bad_return + general_protection;
    const bool faulted =
        (entry.frame.vector == general_protection || entry.frame.vector == page_fault) && entry.frame.from_user();
    check(refused || faulted, "%s: entry 0x%lx from CS %lx", what, entry.frame.vector, entry.frame.cs);
    check_equal(entry.frame.rip, beyond, what);
    check_equal(entry.frame.rax, 2, what);
}

}  // namespace

void guest_main() {
    set_up_user();
    const PhysicalFrame frame = allocate_frame();
    store<uint16_t>(linear_address(frame) + page_size - 2, 0x050f);  // SYSCALL
    map_page(last_page, entry_for(machine_frame(frame), user_code));
    Frame start{};
    start.rip = last_page + page_size - 2;
    start.cs = RINGFOLD_USER_CS;
    start.rflags = user_flags;
    start.rsp = user_stack_top;
    start.ss = RINGFOLD_USER_DS;

    const Entry call = run_user(start);
    check_equal(call.frame.vector, entry_system_call, "the system call");
    check_equal(call.frame.rip, beyond, "RIP of its frame");
    check_equal(call.frame.rcx, beyond, "RCX");

    this_vcpu().hook = return_once;
    start.rax = 1;
    check_return(run_user(start), "return by the window");
    pending_at_return = true;
    check_return(run_user(start), "return by the slow vector");
    check_equal(this_vcpu().upcalls, 1, "the upcall on the way");
}
