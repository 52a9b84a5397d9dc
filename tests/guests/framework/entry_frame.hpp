// SPDX-License-Identifier: Apache-2.0
//
// What an entry leaves on the kernel stack: the gate's frame (vcpu.h of the ABI), below it what the stub pushed.
//
//      +0xa8  SS
//      +0xa0  RSP
//      +0x98  RFLAGS      the virtual interrupt flag in IF
//      +0x90  CS          "from user" is CS & 2
//      +0x88  RIP
//      +0x80  error code  0 where there is none
//      +0x78  vector      or an entry_* number
//      +0x00  RDI ... R15, pushed in that order
#pragma once

#include <ringfold/vcpu.h>

#include <cstddef>
#include <cstdint>

namespace guest {

// Vectors of processor exceptions (Intel SDM volume 3, section 6.15).
inline constexpr uint64_t divide_error = 0;
inline constexpr uint64_t debug_exception = 1;
inline constexpr uint64_t breakpoint = 3;
inline constexpr uint64_t overflow = 4;
inline constexpr uint64_t invalid_opcode = 6;
inline constexpr uint64_t device_not_available = 7;
inline constexpr uint64_t double_fault = 8;
inline constexpr uint64_t segment_not_present = 11;
inline constexpr uint64_t stack_fault = 12;
inline constexpr uint64_t general_protection = 13;
inline constexpr uint64_t page_fault = 14;
inline constexpr uint64_t x87_error = 16;
inline constexpr uint64_t alignment_check = 17;
inline constexpr uint64_t simd_error = 19;

// Entries that are no exceptions, numbered past all vectors; a bad return is `entry_bad_return` + its vector.
inline constexpr uint64_t entry_int80 = 0x80;
inline constexpr uint64_t entry_system_call = 0x100;
inline constexpr uint64_t entry_system_call32 = 0x101;
inline constexpr uint64_t entry_upcall = 0x102;
inline constexpr uint64_t entry_bad_return = 0x200;

// Error-code bits of a page fault (Intel SDM volume 3, section 4.7).
inline constexpr uint64_t fault_present = 1 << 0;
inline constexpr uint64_t fault_write = 1 << 1;
inline constexpr uint64_t fault_user = 1 << 2;
inline constexpr uint64_t fault_reserved = 1 << 3;
inline constexpr uint64_t fault_fetch = 1 << 4;

// RFLAGS (Intel SDM volume 1, section 3.4.3).
inline constexpr uint64_t flag_reserved = 1 << 1;  // always 1
inline constexpr uint64_t flag_carry = 1 << 0;
inline constexpr uint64_t flag_zero = 1 << 6;
inline constexpr uint64_t flag_trap = 1 << 8;
inline constexpr uint64_t flag_interrupt = 1 << 9;
inline constexpr uint64_t flag_direction = 1 << 10;
inline constexpr uint64_t flag_io_privilege = 3 << 12;
inline constexpr uint64_t flag_nested_task = 1 << 14;
inline constexpr uint64_t flag_resume = 1 << 16;
inline constexpr uint64_t flag_alignment_check = 1 << 18;
inline constexpr uint64_t flag_virtual_interrupt = 1 << 19;
inline constexpr uint64_t flag_virtual_pending = 1 << 20;
inline constexpr uint64_t flag_identification = 1 << 21;

struct Frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;

    [[nodiscard]] bool from_user() const { return (cs & 2) != 0; }
};
static_assert(offsetof(Frame, vector) == 0x78 && offsetof(Frame, rip) == 0x88 && sizeof(Frame) == 0xb0);

}  // namespace guest
