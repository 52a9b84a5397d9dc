// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=2 beside=pulse timeout=60 hosts=qemu,bochs
//
// Two domains at once, each on a CPU of its own, neither noticing the other. Each beats ten times: it sleeps until its
// timer's upcall, runs a program in ring 3 that makes system calls, and moves a page of its address space to another
// frame. Expected: every beat finds the system calls counted and the page's old content gone. This is what `make demo`
// shows.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr unsigned beats = 10;
constexpr uint64_t pause_time = 100 * millisecond;
constexpr uint64_t window = 0x0000'1234'5678'9000;
constexpr uint64_t calls = 1000;

USER_PROGRAM void program() {
    // RDI: how many system calls to make.
    asm volatile(R"(
1:	movl $1, %eax
	syscall
	decq %rdi
	jnz 1b
	ud2
)");
}

constinit uint64_t system_calls = 0;

bool count_call(Frame &frame) {
    if (frame.vector != entry_system_call) {
        return false;
    }
    ++system_calls;
    return true;
}

void sleep_until(uint64_t deadline) {
    while (system_time() < deadline) {
        disable_upcalls();  // the timer's upcall must not come before the vCPU sleeps
        check_status(hypercall(RINGFOLD_HYPERCALL_TIMER_SET, deadline), 0, "arming the timer");
        check_status(hypercall(RINGFOLD_HYPERCALL_BLOCK), 0, "sleeping");
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = count_call;
    uint64_t next = system_time();
    for (unsigned beat = 1; beat <= beats; ++beat) {
        sleep_until(next += pause_time);
        check_equal(run_user(program, calls).frame.vector, invalid_opcode, "how the program ends");
        check_equal(system_calls, beat * calls, "system calls");

        map_page(window, entry_for(machine_frame(allocate_frame()), user_data));
        invalidate_page(window);
        check_equal(load<uint64_t>(window), 0, "the new frame behind the page");
        store<uint64_t>(window, beat);
        print("beat %u of %u at %lu ms: %lu system calls, %lu upcalls\n", beat, beats, system_time() / millisecond,
              system_calls, this_vcpu().upcalls.load());
    }
}
