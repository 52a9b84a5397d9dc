// SPDX-License-Identifier: Apache-2.0
//
// Programs that fill every register with a mark and then enter the kernel many times; each entry is compared with what
// the program announced for it. A program is a naked function `name` made of the macros below; beside its code it
// leaves a table of the entries to expect, `name_events` to `name_events_end`.
#pragma once

#include "framework/entry_frame.hpp"

#include <cstdint>

namespace guest {

// One entry as the program announces it; addresses are offsets from the program's start.
struct ExpectedEvent {
    uint64_t vector;
    uint64_t error;   // as from ring 3: page faults of ring 1 lack the user bit
    uint64_t rip;     // pushed: at a fault, behind a trap
    uint64_t resume;  // where the program goes on
    uint64_t rax;
    uint64_t kind;  // event_*
};
inline constexpr uint64_t event_plain = 0;        // every register as marked
inline constexpr uint64_t event_system_call = 1;  // RCX and R11 as SYSCALL leaves them
inline constexpr uint64_t event_hypercall = 2;    // behind a hypercall: RDX 0; RCX and R11 are lost

// Carry, parity and zero set: as MARKS leaves them.
inline constexpr uint64_t marked_flags = 0x47;

// Starts to compare entries with a program's table; `start` is the program's address where it is going to run.
void expect_events(const ExpectedEvent *begin, const ExpectedEvent *end, uint64_t start);
// An upcall is due with RIP in [first, last] and every register marked (RAX, RCX, RDX and R11 aside).
void expect_upcall(uint64_t first, uint64_t last);
// An EntryHook: compares the entry and lets the program go on; false once all were seen.
bool check_event(Frame &frame);
// Has it the marks that no entry may change? RAX, RCX, RDX and R11 are for the caller.
bool has_marks(const Frame &frame);
// Checks that no announced entry is missing.
void finish_events(const char *what);

}  // namespace guest

#define MARK_REGISTERS                                                                                        \
    "movl $0xb1, %eax\n\tmovl $0xb2, %ebx\n\tmovl $0xb3, %edi\n\tmovl $0xb4, %esi\n\tmovl $0xb5, %ebp\n\t"    \
    "movl $0xb6, %r8d\n\tmovl $0xb7, %r9d\n\tmovl $0xb8, %r10d\n\tmovl $0xb9, %r12d\n\tmovl $0xba, %r13d\n\t" \
    "movabsq $0xb0b1b2b3b4b5b6b7, %r14\n\txorl %r15d, %r15d\n\tstc\n\t" MARK_LOST_REGISTERS
#define MARK_LOST_REGISTERS "movl $0xbb, %ecx\n\tmovl $0xbc, %edx\n\tmovl $0xbd, %r11d\n\t"

// `instruction` enters the kernel, at itself (a fault) or behind itself (a trap).
#define EVENT_TABLE_ROW(name, vector, error, rip, rax, kind)                                                     \
    ".pushsection .rodata." name "_events, \"a\"\n\t.quad " vector ", " error ", " rip " - " name ", 2b - " name \
    ", " rax ", " kind "\n\t.popsection\n\t"
#define FAULT(name, vector, error, instruction) \
    "1:\t" instruction "\n2:\n\t" EVENT_TABLE_ROW(name, vector, error, "1b", "0xb1", "0")
#define TRAP(name, vector, instruction) \
    "1:\t" instruction "\n2:\n\t" EVENT_TABLE_ROW(name, vector, "0", "2b", "0xb1", "0")
#define SYSTEM_CALL(name, vector) \
    "1:\tsyscall\n2:\n\t" EVENT_TABLE_ROW(name, vector, "0", "2b", "0xb1", "1") MARK_LOST_REGISTERS
// A hypercall, and a breakpoint behind it that shows what it left; from ring 1.
#define HYPERCALL(name, number, status)         \
    "movl $" number                             \
    ", %eax\n\tcall ringfold_hypercall_entry\n" \
    "1:\tint3\n2:\n\t" EVENT_TABLE_ROW(name, "3", "0", "2b", status, "2") "movl $0xb1, %eax\n\t" MARK_LOST_REGISTERS
// Before the first row and behind the last one.
#define EVENTS_BEGIN(name)                                                                      \
    ".pushsection .rodata." name "_events, \"a\"\n\t.balign 8\n\t.globl " name "_events\n" name \
    "_events:\n\t.popsection\n\t"
#define EVENTS_END(name) \
    ".pushsection .rodata." name "_events, \"a\"\n\t.globl " name "_events_end\n" name "_events_end:\n\t.popsection\n\t"
