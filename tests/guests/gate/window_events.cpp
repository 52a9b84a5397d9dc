// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60
//
// An upcall at each single instruction of the return window and around it. Under -icount time is exact: the timer is
// armed a fixed time ahead and the return to ring 3 begins after a delay that grows by one instruction each round, so
// the event meets every instruction from before the window until the user's program ends. Expected each time: exactly
// one upcall, as if from the return area if it comes before ring 3 is reached, with the user's registers and GS base;
// and the program sees nothing of it. Counters tell upcalls that met the window from those of the slow return.
// A second time with an upcall pending from the start, so that the window always ends in the slow return: the event
// then meets that instruction too, and delivers what is pending before the slow return can.
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

namespace {

constexpr uint64_t lead = 20 * microsecond;  // far more than arming the timer takes
constexpr uint64_t sled = 512;
constexpr uint64_t user_gs = 0x0000'6666'0000'0000;

constexpr uint64_t increments = 32;
constexpr uint64_t increment_length = 3;

USER_PROGRAM void program() {
    asm volatile(R"(
	.rept 32
	incq %rbx
	.endr
	rdgsbase %rbp
	syscall
)");
}

// RDI: how many of the NOPs to execute.
extern "C" [[gnu::naked]] void delay(uint64_t) {
    asm volatile("leaq 1f(%rip), %rax\n\tsubq %rdi, %rax\n\tjmpq *%rax\n\t.rept 512\n\tnop\n\t.endr\n1:\tretq");
}

struct Delivery {
    uint64_t count, rip, cs, rbx, gs_base, user_gs_base, interrupt_flag;
};
constinit Delivery delivery{};

bool note(Frame &frame) {
    if (frame.vector == entry_upcall) {
        delivery = {
            delivery.count + 1,           frame.rip, frame.cs, frame.rbx, read_gs_base(), vcpu_page().user_gs_base,
            frame.rflags & flag_interrupt};
    }
    return false;
}

struct Hits {
    unsigned at_first_user_instruction, later;
};

uint64_t upcalls_of_the_hypervisor() {
    hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, RINGFOLD_DOMAIN_SELF, 0);
    return call_buffer<ringfold_counters>()->upcalls;
}

// Arms the timer, waits until `coarse` nanoseconds are left and then for `fine` instructions.
void await_event(uint64_t coarse, uint64_t fine) {
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, 0);  // what an earlier round left
    vcpu_page().upcall_pending = 0;
    delivery = {};
    const uint64_t deadline = system_time() + lead;
    hypercall(RINGFOLD_HYPERCALL_TIMER_SET, deadline);
    while (system_time() < deadline - coarse) {
    }
    delay(fine);
}

// One round, up to the system call that ends the program.
void run_program(uint64_t fine) {
    Frame frame = user_frame(program);
    frame.rbx = 100;
    vcpu_page().user_gs_base = user_gs;
    const Entry entry = run_user(frame);
    check(entry.frame.vector == entry_system_call && entry.frame.rbx == 100 + increments && entry.frame.rbp == user_gs,
          "delay %lu: entry 0x%lx rbx %lu gs %lx", fine, entry.frame.vector, entry.frame.rbx, entry.frame.rbp);
}

void check_delivery() {
    check_equal(delivery.gs_base, vcpu_page().kernel_gs_base, "GS base in the upcall");
    check_equal(delivery.interrupt_flag, flag_interrupt, "IF of its frame");
    check_equal(delivery.cs, RINGFOLD_USER_CS, "CS of the upcall's frame");
    check_equal(delivery.user_gs_base, user_gs, "the user's GS base in the page");
    const uint64_t offset = delivery.rip - user_address(program);
    const uint64_t done = delivery.rbx - 100;
    const bool behind_increments = done == increments && offset > increment_length * done;  // at the SYSCALL
    check(offset == increment_length * done || behind_increments, "RIP at offset %lu with %lu increments", offset,
          done);
}

void round(uint64_t coarse, uint64_t fine, Hits &hits) {
    await_event(coarse, fine);
    run_program(fine);
    if (delivery.count == 0) {  // too early or too late for this round: take it now
        enable_upcalls();
        disable_upcalls();
        return;
    }
    check_equal(delivery.count, 1, "upcalls of one timer");
    check_delivery();
    ++(delivery.rip == user_address(program) ? hits.at_first_user_instruction : hits.later);
}

constinit uint64_t first_rip = 0;

bool note_first(Frame &frame) {
    if (frame.vector == entry_upcall && delivery.count == 0) {
        first_rip = frame.rip;
    }
    return note(frame);
}

// What is pending is delivered before the program's first instruction; the timer's upcall is part of it or comes later.
void round_with_pending(uint64_t coarse, uint64_t fine) {
    this_vcpu().hook = note_first;
    await_event(coarse, fine);
    vcpu_page().upcall_pending = 1;
    run_program(fine);
    check(delivery.count == 1 || delivery.count == 2, "delay %lu: %lu upcalls", fine, delivery.count);
    check_equal(first_rip, user_address(program), "RIP of the pending upcall's frame");
    check_delivery();
    enable_upcalls();  // if the timer is late
    disable_upcalls();
    this_vcpu().hook = note;
}

}  // namespace

void guest_main() {
    set_up_user();
    this_vcpu().hook = note;
    Hits hits{};
    const uint64_t before = upcalls_of_the_hypervisor();
    for (uint64_t coarse = 300; coarse <= 1500; coarse += 300) {
        for (uint64_t fine = 0; fine < sled; ++fine) {
            round(coarse, fine, hits);
        }
    }
    // The slow return delivers in the gate; what the hypervisor itself delivered met the window or ring 3.
    const uint64_t in_window = upcalls_of_the_hypervisor() - before - hits.later;
    print("upcalls: %lu in the window or at the first user instruction, %u by the slow return, %u behind it\n",
          in_window, hits.at_first_user_instruction - static_cast<unsigned>(in_window), hits.later);
    // The window's last three instructions and the user's first make four, each met at least once.
    check(in_window >= 4, "the window was met %lu times only", in_window);
    check(hits.later >= increments, "the program was met %u times only", hits.later);
    for (uint64_t coarse = 300; coarse <= 1500; coarse += 300) {
        for (uint64_t fine = 0; fine < sled; ++fine) {
            round_with_pending(coarse, fine);
        }
    }
}
