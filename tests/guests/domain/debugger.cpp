// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 timeout=60 hosts=qemu,bochs
//
// A domain is debugged: a debug exception stops it instead of being delivered. Expected: it stops before the
// instruction that has a breakpoint, after a single step, behind a store to a word that is watched, each time exactly
// there, paused once, with DR6 in its context; who debugs it may see and change it then; without a debugger it gets its
// exceptions itself; and a domain can be ended and destroyed while it is stopped so.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <cstring>

using namespace guest;

#define SHUTDOWN "9"
static_assert(RINGFOLD_HYPERCALL_SHUTDOWN == 9);

CHILD_PROGRAM void child_counts() { asm volatile("xorl %eax, %eax\n1:\tincq %rax\n\tmovq %rax, -8(%rsp)\n\tjmp 1b"); }
CHILD_PROGRAM void child_ends_with_55() {
    asm volatile("movl $55, %esi\n\txorl %edi, %edi\n\tmovl $" SHUTDOWN ", %eax\n\tcall child_hypercall\n\tud2");
}

namespace {

using Registers = ringfold_vcpu_registers;

// Offsets of child_counts' instructions.
constexpr uint64_t increment = 2;
constexpr uint64_t store_of_count = 5;
constexpr uint64_t jump = 10;
constexpr uint64_t counter = child_stack + page_size - 8;

constexpr uint64_t trap_flag = 1U << 8;
constexpr uint64_t resume_flag = 1U << 16;
constexpr uint64_t control_reset = 0x400;
constexpr uint64_t execute_at_0 = control_reset | 1U << 0;
constexpr uint64_t write_8_at_1 = control_reset | 1U << 2 | 1U << 20 | 2U << 22;
constexpr uint32_t status_at_0 = 1U << 0;
constexpr uint32_t status_at_1 = 1U << 1;
constexpr uint32_t status_step = 1U << 14;
constexpr uint32_t reported = status_at_0 | status_at_1 | status_step;

Registers get(const Child &child) {
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET, child.id, 0, 8), 0, "vcpu_context_get");
    Registers registers{};
    std::memcpy(&registers, call_buffer_bytes() + 8, sizeof registers);
    return registers;
}

void go_on_with(const Child &child, const Registers &registers) {
    std::memcpy(call_buffer_bytes() + 8, &registers, sizeof registers);
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET, child.id, 0, 8), 0, "vcpu_context_set");
    check_equal(get(child).debug_status, 0, "the status of a vCPU that goes on");
    check_result(unpause_domain(child.id), 0, 0, "going on");
}

Registers await_stop(const Child &child, const char *what) {
    const uint64_t end = system_time() + 10'000 * millisecond;
    ringfold_domain_info info{};
    do {
        check_status(read_domain_info(child.id, info), 0, what);
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    } while (info.pauses == 0 && system_time() < end);
    check_equal(info.pauses, 1, what);
    return get(child);
}

Result debug(const Child &child, uint64_t mode) {
    return hypercall(RINGFOLD_HYPERCALL_DOMAIN_DEBUG_SET, child.id, mode);
}

void check_stop(const Registers &registers, uint32_t status, uint64_t rip, const char *what) {
    check((registers.debug_status & reported) == status, "%s: DR6 0x%x", what, registers.debug_status);
    check_equal(registers.rip, rip, what);
}

Child debugged_child(uint64_t start, Registers &registers) {
    const Child child = run_child(child_counts, 0, {.first_cpu = 1});
    check_status(debug(child, RINGFOLD_DEBUG_STOPS), 0, "domain_debug_set");
    check_result(pause_domain(child.id), 0, 1, "pausing it");
    registers = get(child);
    check_equal(registers.debug_status, 0, "the status of a vCPU that no debug exception stopped");
    registers.debug_addresses[0] = start + increment;
    registers.debug_control = execute_at_0;
    return child;
}

void follow_it() {
    Registers registers{};
    Child any{};
    const uint64_t start = child_context(any, child_counts).rip;
    const Child child = debugged_child(start, registers);
    go_on_with(child, registers);
    registers = await_stop(child, "a breakpoint");
    check_stop(registers, status_at_0, start + increment, "a breakpoint");
    const uint64_t count = registers.rax;

    registers.rflags |= resume_flag | trap_flag;
    go_on_with(child, registers);
    registers = await_stop(child, "a single step");
    check_stop(registers, status_step, start + store_of_count, "a single step");
    check_equal(registers.rax, count + 1, "what one instruction has done");

    registers.rflags &= ~trap_flag;
    registers.debug_addresses[1] = counter;
    registers.debug_control = write_8_at_1;
    registers.rax = 1000;
    go_on_with(child, registers);
    registers = await_stop(child, "a watched word");
    check_stop(registers, status_at_1, start + jump, "a watched word");
    check_equal(read_child_word(child, Child::stack, page_size - 8), 1000, "the watched word");

    check_status(debug(child, RINGFOLD_DEBUG_DELIVERS), 0, "no debugger any more");
    registers.entries.exceptions[1] = child_context(child, child_ends_with_55).rip;
    go_on_with(child, registers);
    check_equal(await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED).shutdown_code, 55, "its own exception");
    check_status(destroy_domain(child.id), 0, "destroying it");
}

void end_it_while_it_is_stopped() {
    Registers registers{};
    Child any{};
    const Child child = debugged_child(child_context(any, child_counts).rip, registers);
    go_on_with(child, registers);
    await_stop(child, "a breakpoint");
    check_status(destroy_domain(child.id), 0, "destroying it at a breakpoint");
}

void ask_for_what_there_is_not() {
    const Child child = create_child();
    check_status(debug(child, 2), -RINGFOLD_EINVAL, "a mode that there is not");
    check_status(debug(child, 1ULL << 32), -RINGFOLD_ERANGE, "a mode that does not fit");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_DEBUG_SET, RINGFOLD_DOMAIN_SELF, RINGFOLD_DEBUG_STOPS),
                 -RINGFOLD_EINVAL, "debugging oneself");
    check_status(destroy_domain(child.id), 0, "destroying it");
    check_status(debug(child, RINGFOLD_DEBUG_STOPS), -RINGFOLD_ENOENT, "a domain that is gone");
}

}  // namespace

void guest_main() {
    follow_it();
    end_it_while_it_is_stopped();
    ask_for_what_there_is_not();
}
