// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Debug registers are a guest's own, but must never stop the gate or the hypervisor. Refused with the old value kept:
// addresses that are not canonical or touch slot 256, general detect and I/O breakpoints in DR7, no such register.
// Attack: a data breakpoint on the kernel stack, where the gate itself writes the frame: the event must arrive as if
// there were none, and the breakpoint's DR6 bit with the next debug exception. Breakpoints on user code and data work.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t execute = 0;
constexpr uint64_t write = 1;
constexpr uint64_t eight_bytes = 2;
// DR7: local enable of a register, its condition and length (Intel SDM volume 3, section 17.2.4).
constexpr uint64_t control(unsigned index, uint64_t condition, uint64_t length) {
    return 0x400 | 1ULL << (2 * index) | condition << (16 + 4 * index) | length << (18 + 4 * index);
}

Result set_register(uint64_t index, uint64_t value) {
    return hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, index, value);
}
Result get_register(uint64_t index) { return hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, index); }

USER_PROGRAM void call() { asm volatile("syscall"); }
USER_PROGRAM void fault() { asm volatile("ud2"); }
USER_PROGRAM void step_and_call() { asm volatile("nop\n\tnop\n\tsyscall"); }
USER_PROGRAM void store_and_call() { asm volatile("movq %rax, (%rdi)\n\tnop\n\tsyscall"); }

void refusals() {
    constexpr uint64_t good = 0x1000;
    for (uint64_t index = 0; index < 4; ++index) {
        check_status(set_register(index, good + index), 0, "a good address");
        for (const uint64_t bad : Words{0x0000'8000'0000'0000, 0xffff'7fff'ffff'fff8, 0xffff'8000'0000'0000,
                                        0xffff'8000'0004'0ff8, RINGFOLD_VCPU_PAGE_ADDRESS, 0xffff'807f'ffff'ffff}) {
            check_status(set_register(index, bad), -RINGFOLD_EACCES, "a bad address");
        }
        check_result(get_register(index), 0, good + index, "the address after refusals");
    }
    const Result old_control = get_register(7);
    for (const uint64_t bad : Words{1ULL << 13, 2ULL << 16, 2ULL << 28, 1ULL << 32, ~uint64_t{0}}) {
        check_status(set_register(7, bad | 0x400), -RINGFOLD_EACCES, "a bad control value");
    }
    check_result(get_register(7), 0, old_control.value, "control after refusals");
    for (const uint64_t index : Words{4, 5, 6, 8, 15, 0xffff'ffff}) {
        check_status(set_register(index, 0), -RINGFOLD_ERANGE, "no such register, set");
        check_status(get_register(index), -RINGFOLD_ERANGE, "no such register, get");
    }
}

// For each word of the frame, from ring 3 by system call and by exception.
void breakpoint_on_the_stack() {
    for (uint64_t word = 1; word <= 5; ++word) {
        check_status(set_register(0, vcpu_page().kernel_stack - 8 * word), 0, "a breakpoint on the frame");
        check_status(set_register(7, control(0, write, eight_bytes)), 0, "enabling it");
        const Entry system_call = run_user(call);
        check(system_call.frame.vector == entry_system_call && system_call.frame.rip == user_address(call) + 2,
              "word %lu: a system call became entry 0x%lx at %lx:%lx", word, system_call.frame.vector,
              system_call.frame.cs, system_call.frame.rip);
        const Entry exception = run_user(fault);
        check(exception.frame.vector == invalid_opcode, "word %lu: an exception became entry 0x%lx", word,
              exception.frame.vector);
        check_status(set_register(7, 0x400), 0, "disabling it");
    }
    Frame frame = user_frame(step_and_call);
    frame.rflags |= flag_trap;
    const Entry step = run_user(frame);
    check_equal(step.frame.vector, debug_exception, "the next debug exception");
    check_equal(step.dr6 & 0x4001, 0x4001, "its DR6: single step, and the breakpoint that the gate met");
}

void breakpoints_for_users() {
    check_status(set_register(1, user_address(step_and_call) + 1), 0, "an address in user code");
    check_status(set_register(7, control(1, execute, 0)), 0, "an instruction breakpoint");
    const Entry code = run_user(step_and_call);
    check(code.frame.vector == debug_exception && code.frame.rip == user_address(step_and_call) + 1, "entry 0x%lx",
          code.frame.vector);
    check_equal(code.dr6 & 0xf, 2, "DR6 of the instruction breakpoint");

    check_status(set_register(2, user_stack_top - 64), 0, "an address on the user's stack");
    check_status(set_register(7, control(2, write, eight_bytes)), 0, "a data breakpoint");
    const Entry data = run_user(store_and_call, user_stack_top - 64);
    check(data.frame.vector == debug_exception && data.frame.rip == user_address(store_and_call) + 3, "entry 0x%lx",
          data.frame.vector);
    check_equal(data.dr6 & 0xf, 4, "DR6 of the data breakpoint");
    check_status(set_register(7, 0x400), 0, "disabling all");
    check_equal(run_user(store_and_call, user_stack_top - 64).frame.vector, entry_system_call, "with none enabled");
}

}  // namespace

void guest_main() {
    set_up_user();
    refusals();
    breakpoints_for_users();
    breakpoint_on_the_stack();
}
