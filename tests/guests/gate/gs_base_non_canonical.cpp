// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The gate loads the GS base that the guest wrote into the vCPU page; one that is not canonical makes WRGSBASE fault in ring 0
// (Intel SDM volume 2, WRGSBASE; TCG takes it). Expected: the host lives; the event arrives, as itself (TCG) or as a double
// fault with its own frame and error code 0, and with a good base back everything works. The guest's own WRGSBASE of such a
// value faults in its own ring.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void call() { asm volatile("syscall"); }
USER_PROGRAM void fault() { asm volatile("ud2"); }

constexpr uint64_t bad_bases[] = {0x0000'8000'0000'0000, 0x8000'0000'0000'0000, 0xffff'7fff'ffff'ffff, 0x0100'0000'0000'0000};

void check_event(void (*program)(), uint64_t base, uint64_t vector, uint64_t offset) {
    const uint64_t good = vcpu_page().kernel_gs_base;
    vcpu_page().kernel_gs_base = base;
    const Entry entry = run_user(program);
    vcpu_page().kernel_gs_base = good;
    write_gs_base(good);
    check(entry.frame.vector == vector || (entry.frame.vector == double_fault && entry.frame.error == 0),
          "GS base %lx: entry 0x%lx error 0x%lx", base, entry.frame.vector, entry.frame.error);
    check(entry.frame.rip == user_address(program) + offset && entry.frame.cs == RINGFOLD_USER_CS &&
              entry.frame.rsp == user_stack_top,
          "GS base %lx: frame %lx:%lx", base, entry.frame.cs, entry.frame.rip);
    check_equal(run_user(program).frame.vector, vector, "the next event");
}

}  // namespace

void guest_main() {
    set_up_user();
    for (const uint64_t base : bad_bases) {
        check_event(call, base, entry_system_call, 2);
        check_event(fault, base, invalid_opcode, 0);
    }
    const uint64_t good = read_gs_base();
    const Entry own = catch_entry([] { write_gs_base(bad_bases[0]); });
    check(!own.happened || own.frame.vector == general_protection, "ring 1's own WRGSBASE: entry 0x%lx", own.frame.vector);
    write_gs_base(good);
}
