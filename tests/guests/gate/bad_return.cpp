// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A return frame that IRETQ refuses must not cost more than an entry at bad_return: with the return area's five words
// as its frame, the fault's error code and vector below it, on the kernel stack, as if from ring 3, GS exchanged. The
// same for the slow return, which refuses CS or SS without RPL 3 by itself, as vector 13. Expected for each bad frame
// exactly that, and that the next good return works.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void program() { asm volatile("syscall"); }

struct Case {
    const char *name;
    uint64_t cs;
    uint64_t ss;
    uint64_t error;
    bool slow_only;  // IRETQ takes it (to ring 1); the slow return must not
};
constexpr Case cases[] = {
    {"null CS", 0, RINGFOLD_USER_DS, 0, false},
    {"null CS with RPL 3", 3, RINGFOLD_USER_DS, 0, false},
    {"data as CS", RINGFOLD_USER_DS, RINGFOLD_USER_DS, RINGFOLD_USER_DS & ~3U, false},
    {"CS past the GDT", 0xfffb, RINGFOLD_USER_DS, 0xfff8, false},
    {"CS in an LDT that is not there", 0x0f, RINGFOLD_USER_DS, 0x0c, false},
    {"null SS", RINGFOLD_USER_CS, 0, 0, false},
    {"null SS with RPL 3", RINGFOLD_USER_CS, 3, 0, false},
    {"code as SS", RINGFOLD_USER_CS, RINGFOLD_USER_CS, RINGFOLD_USER_CS & ~3U, false},
    {"kernel SS", RINGFOLD_USER_CS, RINGFOLD_KERNEL_DS, RINGFOLD_KERNEL_DS & ~3U, false},
    {"kernel CS", RINGFOLD_KERNEL_CS, RINGFOLD_KERNEL_DS, 0, true},
};

extern "C" [[noreturn, gnu::naked]] void slow_return_only() {
    asm volatile("movabsq %0, %%rsp\n\tint %1" ::"i"(RINGFOLD_VCPU_PAGE_ADDRESS), "i"(RINGFOLD_VECTOR_SLOW_RETURN));
}
extern "C" [[noreturn, gnu::naked]] void fast_return_only() {
    asm volatile("movabsq %0, %%rsp\n\tjmp window_start" ::"i"(RINGFOLD_VCPU_PAGE_ADDRESS));
}

Entry return_with(const Case &test, void (*way)()) {
    return catch_entry([&test, way] {
        volatile ringfold_vcpu_page &page = vcpu_page();
        page.interrupt_flag = 0;
        page.upcall_pending = 0;
        page.return_frame.rip = user_address(program);
        page.return_frame.cs = test.cs;
        page.return_frame.rflags = user_flags | flag_carry;
        page.return_frame.rsp = user_stack_top;
        page.return_frame.ss = test.ss;
        write_gs_base(0x1000);
        way();
    });
}

void check_bad(const Case &test, void (*way)(), const char *how) {
    const uint64_t kernel_gs = read_gs_base();
    const Entry entry = return_with(test, way);
    check(entry.happened && entry.frame.vector == entry_bad_return + general_protection, "%s, %s: entry 0x%lx",
          test.name, how, entry.frame.vector);
    // The slow return may name no selector when the refusal is its own.
    check(entry.frame.error == test.error || (way == slow_return_only && entry.frame.error == 0),
          "%s, %s: error code 0x%lx", test.name, how, entry.frame.error);
    check(entry.frame.rip == user_address(program) && entry.frame.cs == test.cs && entry.frame.ss == test.ss &&
              entry.frame.rsp == user_stack_top,
          "%s, %s: frame %lx:%lx %lx:%lx", test.name, how, entry.frame.cs, entry.frame.rip, entry.frame.ss,
          entry.frame.rsp);
    check((entry.frame.rflags & flag_carry) != 0, "%s, %s: RFLAGS 0x%lx", test.name, how, entry.frame.rflags);
    check_equal(entry.frame_address + sizeof(Frame), vcpu_page().kernel_stack, "the frame is on the kernel stack");
    check_equal(read_gs_base(), kernel_gs, "GS base");
    check_equal(vcpu_page().interrupt_flag, 0, "virtual interrupt flag");
    write_gs_base(kernel_gs);
    check_equal(run_user(program).frame.vector, entry_system_call, "the next return");
}

}  // namespace

void guest_main() {
    set_up_user();
    for (const Case &test : cases) {
        if (!test.slow_only) {
            check_bad(test, fast_return_only, "window");
        }
        check_bad(test, slow_return_only, "slow return");
    }
}
