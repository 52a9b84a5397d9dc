// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// INT 0x80 arrives at its own entry from rings 3 and 1 and is never a hypercall, whatever RAX says and wherever it
// stands. All registers, RCX and R11 included, are as they were. INT with any other vector above 31 is a general
// protection fault, except RINGFOLD_VECTOR_SLOW_RETURN from ring 1; from ring 3 that one faults too.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t mark = 0x5a5a'0000'0000'1111;

// RAX = 9 would be `shutdown` with reason RDI.
USER_PROGRAM void call() {
    asm volatile(R"(
	movabsq $0x5a5a000000001111, %rcx
	movq %rcx, %r11
	movl $9, %eax
	movl $2, %edi
	int $0x80
	ud2
)");
}
constexpr uint64_t call_length = 25;

USER_PROGRAM void interrupt_0x20() { asm volatile("int $0x20"); }
USER_PROGRAM void interrupt_0x7f() { asm volatile("int $0x7f"); }
USER_PROGRAM void interrupt_0x82() { asm volatile("int $0x82"); }
USER_PROGRAM void interrupt_0xff() { asm volatile("int $0xff"); }
USER_PROGRAM void slow_return_vector() { asm volatile("int $0x81"); }

void check_call(const Entry &entry, uint64_t start, uint64_t cs) {
    check(entry.happened && entry.frame.vector == entry_int80, "CS %lx: entry 0x%lx", cs, entry.frame.vector);
    check_equal(entry.frame.rip, start + call_length, "RIP");
    check_equal(entry.frame.cs, cs, "CS");
    check_equal(entry.frame.rax, 9, "RAX");
    check_equal(entry.frame.rcx, mark, "RCX");
    check_equal(entry.frame.r11, mark, "R11");
}

// The error code is not looked at: TCG's is wrong for INT n.
void check_refused(const Entry &entry, const char *what) {
    check(entry.happened && entry.frame.vector == general_protection, "%s: entry 0x%lx", what, entry.frame.vector);
}

}  // namespace

void guest_main() {
    set_up_user();
    check_call(run_user(call), user_address(call), RINGFOLD_USER_CS);
    check_call(catch_entry(call), reinterpret_cast<uint64_t>(call), RINGFOLD_KERNEL_CS);

    for (void (*program)() : {interrupt_0x20, interrupt_0x7f, interrupt_0x82, interrupt_0xff}) {
        check_refused(run_user(program), "INT from ring 3");
        check_refused(catch_entry(program), "INT from ring 1");
    }
    check_refused(run_user(slow_return_vector), "the slow return's vector from ring 3");
}
