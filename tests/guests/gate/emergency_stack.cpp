// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs expect=crash beside=hello
//
// When the frame of an event can be pushed neither on the kernel stack nor on the emergency stack, the domain dies, and
// never the host: another domain beside it runs to its end.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void call() { asm volatile("syscall"); }

}  // namespace

void guest_main() {
    set_up_user();
    check_equal(run_user(call).frame.vector, entry_system_call, "a system call with good stacks");
    expect_domain_crash();
    vcpu_page().kernel_stack = 0xffff'8000'0004'1000;  // the gate's own
    vcpu_page().emergency_stack = 0x0000'8000'0000'0000;
    run_user(call);
    fatal_failure("the domain lives on");
}
