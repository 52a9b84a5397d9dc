// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs expect=crash beside=hello
//
// An event without a registered entry point becomes a double fault; without a double-fault entry the domain dies. Both
// halves: first an exception and a system call with only their own entries taken away, then everything.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void call() { asm volatile("syscall"); }
USER_PROGRAM void fault() { asm volatile("ud2"); }

}  // namespace

void guest_main() {
    set_up_user();
    ringfold_vcpu_entries entries = default_entries();
    entries.syscall = 0;
    entries.exceptions[invalid_opcode] = 0;
    check_status(register_entries(entries), 0, "registering without two entries");
    const Entry system_call = run_user(call);
    check(system_call.frame.vector == double_fault && system_call.frame.error == 0,
          "a system call without entry: 0x%lx", system_call.frame.vector);
    check_equal(system_call.frame.rip, user_address(call) + 2, "RIP of the system call");
    const Entry exception = run_user(fault);
    check(exception.frame.vector == double_fault && exception.frame.error == 0, "an exception without entry: 0x%lx",
          exception.frame.vector);
    check_equal(exception.frame.rip, user_address(fault), "RIP of the exception");

    expect_domain_crash();
    entries.exceptions[double_fault] = 0;
    register_entries(entries);
    run_user(fault);
    fatal_failure("the domain lives on");
}
