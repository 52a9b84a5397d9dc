// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Every exception that a guest can raise and both emulators implement reaches its own entry, from ring 1 and from ring
// 3, with error code and RIP as hardware pushes them: at the instruction for a fault, behind it for a trap (Intel SDM
// volume 3, table 6-1). TCG raises #GP where a non-canonical stack access is #SS. Not raisable: #NM (CR0.TS is not the
// guest's), #NP and #TS (no such descriptors can be had).
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void divide() { asm volatile("xorl %ecx, %ecx\n\tidivl %ecx"); }
USER_PROGRAM void break_point() { asm volatile("int3\n\tud2"); }
USER_PROGRAM void into() { asm volatile("int $4\n\tud2"); }
USER_PROGRAM void undefined() { asm volatile("ud2"); }
USER_PROGRAM void stack_access() { asm volatile("movabsq $0x8000000000000000, %rbp\n\tmovq (%rbp), %rax"); }
USER_PROGRAM void load_non_canonical() { asm volatile("movabsq $0x8000000000000000, %rbx\n\tmovq (%rbx), %rax"); }
USER_PROGRAM void single_step() { asm volatile("pushfq\n\torq $0x100, (%rsp)\n\tpopfq\n\tnop\n\tud2"); }
USER_PROGRAM void divide_floating() {
    asm volatile("fninit\n\tpushq $0x340\n\tfldcw (%rsp)\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait");
}
USER_PROGRAM void load_bad_selector() { asm volatile("movl $0x5c, %eax\n\tmovl %eax, %es"); }

struct Case {
    const char *name;
    void (*program)();
    uint64_t vector;
    uint64_t error;
    uint64_t offset;  // of the pushed RIP from the program's start
};
constexpr Case cases[] = {
    {"#DE", divide, divide_error, 0, 2},
    {"#DB", single_step, debug_exception, 0, 11},
    {"#BP", break_point, breakpoint, 0, 1},
    {"#OF", into, overflow, 0, 2},
    {"#UD", undefined, invalid_opcode, 0, 0},
    {"#SS", stack_access, stack_fault, 0, 10},
    {"#GP", load_non_canonical, general_protection, 0, 10},
    {"#GP of a selector", load_bad_selector, general_protection, 0x5c, 5},
    {"#MF", divide_floating, x87_error, 0, 16},
};

void check_case(const Case &test, const Entry &entry, uint64_t start, uint64_t cs) {
    const bool as_tcg_has_it = test.vector == stack_fault && entry.frame.vector == general_protection;
    check(entry.happened && (entry.frame.vector == test.vector || as_tcg_has_it), "%s from CS %lx: vector %lu",
          test.name, cs, entry.frame.vector);
    check(entry.frame.error == test.error, "%s from CS %lx: error code 0x%lx", test.name, cs, entry.frame.error);
    check(entry.frame.rip == start + test.offset, "%s from CS %lx: RIP is start + %ld", test.name, cs,
          static_cast<int64_t>(entry.frame.rip - start));
    check(entry.frame.cs == cs, "%s from CS %lx: CS %lx", test.name, cs, entry.frame.cs);
}

}  // namespace

void guest_main() {
    set_up_user();
    for (const Case &test : cases) {
        check_case(test, catch_entry(test.program), reinterpret_cast<uint64_t>(test.program), RINGFOLD_KERNEL_CS);
        check_case(test, run_user(test.program), user_address(test.program), RINGFOLD_USER_CS);
    }
    const Entry step = run_user(single_step);
    check_equal(step.dr6 & 0x400f, 0x4000, "DR6 in the vCPU page says single step");
}
