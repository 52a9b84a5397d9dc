// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs expect=crash beside=hello
//
// The gate loads the GS base that the guest wrote into the vCPU page; one that is not canonical makes WRGSBASE fault in
// ring 0 (Intel SDM volume 2, WRGSBASE). The event cannot be delivered, nor can the double fault that it becomes, which
// needs the same base: the domain dies, and never the host; another domain beside it runs to its end. A processor that
// takes such bases (TCG) has nothing to test.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void call() { asm volatile("syscall"); }

constexpr uint64_t bad_base = 0x0000'8000'0000'0000;

}  // namespace

void guest_main() {
    set_up_user();
    const uint64_t good = read_gs_base();
    const Entry own = catch_entry([] { write_gs_base(bad_base); });
    write_gs_base(good);
    if (!own.happened) {
        skip("this processor takes GS bases that are not canonical");
    }
    check_equal(own.frame.vector, general_protection, "ring 1's own WRGSBASE");
    check_equal(run_user(call).frame.vector, entry_system_call, "a system call with a good base");

    expect_domain_crash();
    vcpu_page().kernel_gs_base = bad_base;
    run_user(call);
    vcpu_page().kernel_gs_base = good;
    write_gs_base(good);
    fatal_failure("the domain lives on");
}
