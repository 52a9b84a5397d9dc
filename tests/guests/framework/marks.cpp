// SPDX-License-Identifier: Apache-2.0
#include "framework/marks.hpp"

#include "framework/vcpu.hpp"
#include "framework/verdict.hpp"

#include <utility>

namespace guest {
namespace {

constexpr uint64_t mark_r11 = 0xbd;
constexpr uint64_t mark_rcx = 0xbb;
constexpr uint64_t mark_rdx = 0xbc;

struct Expectation {
    const ExpectedEvent *begin;
    const ExpectedEvent *next;
    const ExpectedEvent *end;
    uint64_t start;
    uint64_t upcall_first, upcall_last;  // where one is due, or 0
};
constinit Expectation expected{};

bool has_lost_registers(const Frame &frame, uint64_t kind) {
    switch (kind) {
        case event_system_call:
            return frame.rcx == frame.rip && frame.r11 == (frame.rflags | flag_interrupt) && frame.rdx == mark_rdx;
        case event_hypercall:
            return frame.rdx == 0;
        default:
            return frame.rcx == mark_rcx && frame.r11 == mark_r11 && frame.rdx == mark_rdx;
    }
}

[[noreturn]] void report(const Frame &frame, const char *what) {
    const auto number = static_cast<unsigned>(expected.next - expected.begin);
    failure("event %u, %s: entry 0x%lx error 0x%lx at offset 0x%lx (%lx:%lx) flags %lx stack %lx:%lx", number, what,
            frame.vector, frame.error, frame.rip - expected.start, frame.cs, frame.rip, frame.rflags, frame.ss,
            frame.rsp);
    fatal_failure(
        "event %u: rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx rbp %lx r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx "
        "r13 %lx r14 %lx r15 %lx",
        number, frame.rax, frame.rbx, frame.rcx, frame.rdx, frame.rsi, frame.rdi, frame.rbp, frame.r8, frame.r9,
        frame.r10, frame.r11, frame.r12, frame.r13, frame.r14, frame.r15);
}

void check_upcall(const Frame &frame) {
    if (expected.upcall_last == 0) {
        return;  // the timer's: anywhere in the program
    }
    const uint64_t last = std::exchange(expected.upcall_last, 0);
    if (!has_marks(frame) || frame.rip < expected.upcall_first || frame.rip > last) {
        report(frame, "upcall");
    }
}

}  // namespace

bool has_marks(const Frame &frame) {
    return ((frame.rbx ^ 0xb2) | (frame.rdi ^ 0xb3) | (frame.rsi ^ 0xb4) | (frame.rbp ^ 0xb5) | (frame.r8 ^ 0xb6) |
            (frame.r9 ^ 0xb7) | (frame.r10 ^ 0xb8) | (frame.r12 ^ 0xb9) | (frame.r13 ^ 0xba) |
            (frame.r14 ^ 0xb0b1'b2b3'b4b5'b6b7) | frame.r15) == 0;
}

void expect_events(const ExpectedEvent *begin, const ExpectedEvent *end, uint64_t start) {
    expected = {.begin = begin, .next = begin, .end = end, .start = start, .upcall_first = 0, .upcall_last = 0};
}

void expect_upcall(uint64_t first, uint64_t last) {
    expected.upcall_first = first;
    expected.upcall_last = last;
}

bool check_event(Frame &frame) {
    if (frame.vector == entry_upcall) {
        check_upcall(frame);
        return false;
    }
    if (expected.next == expected.end) {
        return false;
    }
    const ExpectedEvent &event = *expected.next;
    const uint64_t user_bit = event.vector == page_fault && !frame.from_user() ? fault_user : 0;
    if (frame.vector != event.vector || frame.error != (event.error & ~user_bit) ||
        frame.rip != expected.start + event.rip) {
        report(frame, "another entry");
    }
    if (frame.rax != event.rax || !has_marks(frame) || !has_lost_registers(frame, event.kind)) {
        report(frame, "registers");
    }
    if ((frame.rflags & ~(flag_interrupt | flag_resume | flag_reserved)) != (marked_flags & ~flag_reserved)) {
        report(frame, "flags");
    }
    frame.rip = expected.start + event.resume;
    ++expected.next;
    return true;
}

void finish_events(const char *what) {
    check(expected.next == expected.end, "%s: %ld entries are missing", what, expected.end - expected.next);
    check(expected.upcall_last == 0, "%s: the upcall is missing", what);
}

}  // namespace guest
