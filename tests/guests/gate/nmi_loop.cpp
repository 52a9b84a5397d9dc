// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x82 timeout=60
//
// An NMI may come at every instruction of the gate, in either address space and with any stack pointer, and must cost
// the guest nothing (DESIGN, rule 2). This guest enters and leaves the gate by every ordinary route, in a loop:
// exceptions and INT 0x80 from rings 1 and 3, system calls, hypercalls, gate calls, the return window, the slow return,
// upcalls from both, the timer. Every register is marked, and compared at each entry. tests/system/test_nmi.py sends it
// NMIs and compares the histogram with the gate's instructions; nmi_faults has the routes that are out of the ordinary.
#include "framework/guest.hpp"
#include "framework/marks.hpp"
#include "framework/nmi_watch.hpp"

using namespace guest;

namespace {

extern "C" {
extern const ExpectedEvent tour_events[], tour_events_end[];
extern const ExpectedEvent system_calls_events[], system_calls_events_end[];
extern const ExpectedEvent hypercalls_events[], hypercalls_events_end[];
extern const ExpectedEvent upcall_of_yield_events[], upcall_of_yield_events_end[];
extern const char tour_marked[];
USER_DATA uint16_t unmasked_floating_point = 0x340;
}

// Rings 1 and 3. R15 is 0.
USER_PROGRAM void tour() {
    asm volatile(EVENTS_BEGIN("tour") MARK_REGISTERS R"(
	.globl tour_marked
tour_marked:
)" TRAP("tour", "3", "int3") TRAP("tour", "4", "int $4") FAULT("tour", "6", "0", "ud2")
                     FAULT("tour", "0", "0", "divl %r15d") FAULT("tour", "13", "0", "hlt")
                         FAULT("tour", "14", "4", "testb $1, 0x1000") TRAP("tour", "0x80", "int $0x80")
                             TRAP("tour", "0x80", "int $0x80") EVENTS_END("tour") "int $0x80");
}

USER_PROGRAM void floating_point() {
    asm volatile("fninit\n\tfldcw unmasked_floating_point(%rip)\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait\n\tud2");
}

USER_PROGRAM void system_calls() {
    asm volatile(EVENTS_BEGIN("system_calls") MARK_REGISTERS SYSTEM_CALL("system_calls", "0x100")
                     SYSTEM_CALL("system_calls", "0x100") SYSTEM_CALL("system_calls", "0x100")
                         SYSTEM_CALL("system_calls", "0x100") EVENTS_END("system_calls") "syscall");
}

// Ring 1: the hypervisor proper, gate calls, and one gate call that does not exist (ENOSYS is 38).
extern "C" [[gnu::naked]] void hypercalls() {
    asm volatile(EVENTS_BEGIN("hypercalls") MARK_REGISTERS HYPERCALL("hypercalls", "0x100", "0")
                     HYPERCALL("hypercalls", "0x101", "0") HYPERCALL("hypercalls", "0x102", "-38")
                         HYPERCALL("hypercalls", "200", "-38") EVENTS_END("hypercalls") "int $0x80");
}

// Assembly has no use for the suffixes of the ABI's constants.
#define VCPU_PAGE "0xffff800000050000"
#define VCPU_PAGE_FLAGS "0xffff800000050028"
#define YIELD "7"
static_assert(RINGFOLD_VCPU_PAGE_ADDRESS == 0xffff'8000'0005'0000 && RINGFOLD_INTERRUPT_FLAG_OFFSET == 0x28);
static_assert(RINGFOLD_HYPERCALL_YIELD == 7 && RINGFOLD_HYPERCALL_COUNT <= 200 && RINGFOLD_ENOSYS == 38);
static_assert(RINGFOLD_VECTOR_INT80 == 0x80 && RINGFOLD_VECTOR_SLOW_RETURN == 0x81);

// Ring 1: an upcall that the hypervisor delivers on the way out.
extern "C" [[gnu::naked]] void upcall_of_yield() {
    asm volatile(EVENTS_BEGIN("upcall_of_yield") MARK_REGISTERS
                 "movabsq $" VCPU_PAGE_FLAGS ", %rcx\n\tmovw $0x0101, (%rcx)\n\t" HYPERCALL(
                     "upcall_of_yield", YIELD, "0") EVENTS_END("upcall_of_yield") "int $0x80");
}

// Ring 1: by the slow return to the frame in the return area, with every register marked.
extern "C" [[noreturn, gnu::naked]] void return_slowly() {
    asm volatile(MARK_REGISTERS "movabsq $" VCPU_PAGE ", %rsp\n\tint $0x81");
}

void fill_return_frame(uint64_t rip) {
    volatile ringfold_return_frame &area = vcpu_page().return_frame;
    area.rip = rip;
    area.cs = RINGFOLD_USER_CS;
    area.rflags = marked_flags | flag_interrupt;
    area.rsp = user_stack_top;
    area.ss = RINGFOLD_USER_DS;
}

void tour_by_slow_return(bool upcall_pending) {
    expect_events(tour_events, tour_events_end, user_address(tour));
    catch_entry([=] {
        disable_upcalls();
        fill_return_frame(user_address(tour_marked));
        if (upcall_pending) {
            expect_upcall(user_address(tour_marked), user_address(tour_marked));
            vcpu_page().upcall_pending = 1;
        }
        return_slowly();
    });
    finish_events("tour by slow return");
}

void floating_point_in(bool in_user) {
    expect_events(nullptr, nullptr, 0);
    const Entry entry = in_user ? run_user(floating_point) : catch_entry(floating_point);
    asm volatile("fnclex");
    check(entry.frame.vector == x87_error, "x87: entry 0x%lx", entry.frame.vector);
}

void round() {
    arm_timer(300 * microsecond);
    expect_events(tour_events, tour_events_end, user_address(tour));
    run_user(tour);
    finish_events("tour of ring 3");
    expect_events(tour_events, tour_events_end, reinterpret_cast<uint64_t>(tour));
    catch_entry(tour);
    finish_events("tour of ring 1");
    tour_by_slow_return(false);
    tour_by_slow_return(true);
    expect_events(system_calls_events, system_calls_events_end, user_address(system_calls));
    run_user(system_calls);
    finish_events("system calls");
    expect_events(hypercalls_events, hypercalls_events_end, reinterpret_cast<uint64_t>(hypercalls));
    catch_entry(hypercalls);
    finish_events("hypercalls");
    expect_events(upcall_of_yield_events, upcall_of_yield_events_end, reinterpret_cast<uint64_t>(upcall_of_yield));
    // An interrupt or NMI between the stores and the call delivers it first.
    expect_upcall(reinterpret_cast<uint64_t>(hypercall_return) - 2,
                  reinterpret_cast<uint64_t>(upcall_of_yield) + page_size);
    catch_entry(upcall_of_yield);
    disable_upcalls();
    finish_events("upcall of yield");
    floating_point_in(true);
    floating_point_in(false);
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = check_event;
    repeat_under_nmis(round);
}
