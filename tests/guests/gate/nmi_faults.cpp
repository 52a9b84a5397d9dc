// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x82 timeout=60
//
// What nmi_loop does with the gate's ordinary routes, this guest does with those where something is wrong: kernel
// stacks in slot 256 and not mapped (the gate's check, and its fix-ups), return frames that the window's, the slow
// return's and the gate's own IRETQ refuse, breakpoints on the words that the gate pushes, system calls from
// compatibility mode, single steps. Every register is marked, and compared at each entry. tests/system/test_nmi.py
// sends it NMIs and machine checks.
#include "framework/guest.hpp"
#include "framework/marks.hpp"
#include "framework/nmi_watch.hpp"

using namespace guest;

namespace {

constexpr uint64_t stack_in_slot = 0xffff'8000'0004'1000;
constexpr uint64_t stack_not_mapped = 0x0000'0000'0200'0000;

extern "C" {
extern const ExpectedEvent undeliverable_events[], undeliverable_events_end[];
extern const ExpectedEvent undeliverable32_events[], undeliverable32_events_end[];
extern const ExpectedEvent calls32_events[], calls32_events_end[];
extern const ExpectedEvent calls_events[], calls_events_end[];
}

// Each event is a double fault, since its own frame cannot be pushed.
USER_PROGRAM void undeliverable() {
    asm volatile(EVENTS_BEGIN("undeliverable") MARK_REGISTERS SYSTEM_CALL("undeliverable", "8") SYSTEM_CALL(
        "undeliverable", "8") FAULT("undeliverable", "8", "0", "ud2") FAULT("undeliverable", "8", "0", "hlt")
                     TRAP("undeliverable", "8", "int $0x80") EVENTS_END("undeliverable") "int $0x80");
}

// 32-bit code, which starts with its registers marked.
#define CALL32(name, vector) "1:\tsyscall\n2:\n\t" EVENT_TABLE_ROW(name, vector, "0", "2b", "0xb1", "1")
USER_PROGRAM void undeliverable32() {
    asm volatile(".code32\n\t" EVENTS_BEGIN("undeliverable32") CALL32("undeliverable32", "8")
                     CALL32("undeliverable32", "8") EVENTS_END("undeliverable32") "int $0x80\n\t.code64");
}
USER_PROGRAM void calls32() {
    asm volatile(".code32\n\t" EVENTS_BEGIN("calls32") CALL32("calls32", "0x101") CALL32("calls32", "0x101")
                     EVENTS_END("calls32") "int $0x80\n\t.code64");
}

USER_PROGRAM void calls() {
    asm volatile(EVENTS_BEGIN("calls") MARK_REGISTERS SYSTEM_CALL("calls", "0x100") FAULT("calls", "6", "0", "ud2")
                     SYSTEM_CALL("calls", "0x100") FAULT("calls", "6", "0", "ud2") EVENTS_END("calls") "int $0x80");
}

USER_PROGRAM void nothing() { asm volatile("nop\n\tnop"); }

template <typename Program>
Frame marked_frame32(Program *program) {
    Frame frame = user_frame(program);
    frame.cs = RINGFOLD_USER32_CS;
    frame.rflags = marked_flags | flag_interrupt;
    frame.rax = 0xb1;
    frame.rbx = 0xb2;
    frame.rdi = 0xb3;
    frame.rsi = 0xb4;
    frame.rbp = 0xb5;
    frame.r8 = 0xb6;
    frame.r9 = 0xb7;
    frame.r10 = 0xb8;
    frame.r12 = 0xb9;
    frame.r13 = 0xba;
    frame.r14 = 0xb0b1'b2b3'b4b5'b6b7;
    frame.rdx = 0xbc;
    return frame;
}

void undeliverable_on(uint64_t stack) {
    const uint64_t good_stack = vcpu_page().kernel_stack;
    vcpu_page().kernel_stack = stack;
    expect_events(undeliverable_events, undeliverable_events_end, user_address(undeliverable));
    run_user(undeliverable);
    finish_events("double faults");
    expect_events(undeliverable32_events, undeliverable32_events_end, user_address(undeliverable32));
    run_user(marked_frame32(undeliverable32));
    finish_events("double faults of 32-bit code");
    vcpu_page().kernel_stack = good_stack;
}

// To the frame in the return area, with every register marked.
extern "C" [[noreturn, gnu::naked]] void return_by_window() {
    asm volatile(MARK_REGISTERS "movabsq $0xffff800000050000, %rsp\n\tjmp window_start");
}
extern "C" [[noreturn, gnu::naked]] void return_slowly() {
    asm volatile(MARK_REGISTERS "movabsq $0xffff800000050000, %rsp\n\tint $0x81");
}
static_assert(RINGFOLD_VCPU_PAGE_ADDRESS == 0xffff'8000'0005'0000 && RINGFOLD_VECTOR_SLOW_RETURN == 0x81);

void bad_return(uint64_t cs, void (*way)()) {
    expect_events(nullptr, nullptr, 0);
    const Entry entry = catch_entry([=] {
        volatile ringfold_vcpu_page &page = vcpu_page();
        disable_upcalls();
        page.upcall_pending = 0;
        page.return_frame.rip = user_address(nothing);
        page.return_frame.cs = cs;
        page.return_frame.rflags = marked_flags | flag_interrupt;
        page.return_frame.rsp = user_stack_top;
        page.return_frame.ss = RINGFOLD_USER_DS;
        way();
    });
    const Frame &frame = entry.frame;
    check(frame.vector == entry_bad_return + general_protection && frame.cs == cs &&
              frame.rip == user_address(nothing) && frame.rsp == user_stack_top && frame.ss == RINGFOLD_USER_DS,
          "bad return with CS 0x%lx: entry 0x%lx, frame %lx:%lx %lx:%lx", cs, frame.vector, frame.cs, frame.rip,
          frame.ss, frame.rsp);
    check(has_marks(frame) && frame.rax == 0xb1 && frame.rcx == 0xbb && frame.rdx == 0xbc && frame.r11 == 0xbd,
          "bad return with CS 0x%lx: rax %lx rbx %lx rcx %lx rdx %lx r11 %lx", cs, frame.rax, frame.rbx, frame.rcx,
          frame.rdx, frame.r11);
}

void breakpoint_on_frame(uint64_t word) {
    hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 0, vcpu_page().kernel_stack - 8 * word);
    // Local enable of register 0, on writes, eight bytes (Intel SDM volume 3, section 17.2.4).
    const Result enabled = hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 7, 0x400 | 1 | 1 << 16 | 2 << 18);
    check_status(enabled, 0, "the breakpoint");
    expect_events(calls_events, calls_events_end, user_address(calls));
    run_user(calls);
    finish_events("calls over a breakpoint");
    hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 7, 0x400);
    expect_events(nullptr, nullptr, 0);
    Frame frame = user_frame(nothing);
    frame.rflags |= flag_trap;
    const Entry step = run_user(frame);
    check(step.frame.vector == debug_exception && step.frame.rip == user_address(nothing) + 1,
          "single step: entry 0x%lx", step.frame.vector);
    check_equal(step.dr6 & 0x400f, 0x4001, "DR6: the single step, and the breakpoint that the gate met");
}

void round() {
    undeliverable_on(stack_in_slot);
    undeliverable_on(stack_not_mapped);
    expect_events(calls32_events, calls32_events_end, user_address(calls32));
    run_user(marked_frame32(calls32));
    finish_events("calls of 32-bit code");
    bad_return(RINGFOLD_USER_DS, return_by_window);
    bad_return(RINGFOLD_USER_DS, return_slowly);
    bad_return(0xfffb, return_slowly);
    for (uint64_t word = 1; word <= 4; ++word) {  // the fifth, RIP, is written by our own handler too
        breakpoint_on_frame(word);
    }
}

}  // namespace

void guest_main() {
    if (cpuid(0).ebx != 0x68747541) {  // "Auth"enticAMD
        skip("SYSCALL from compatibility mode is AMD's");
    }
    set_up_user();
    this_vcpu().hook = check_event;
    repeat_under_nmis(round);
}
