// SPDX-License-Identifier: Apache-2.0
//
// The registers of an interrupted context as the entry code leaves them on a hypervisor stack, lowest address first.
#pragma once

#include <cstdint>

namespace ringfold {

// What stands in EntryFrame::vector beside the processor's 0..255.
inline constexpr uint64_t vector_hypercall = 0x100;      // the gate: SYSCALL that returns to the registered address
inline constexpr uint64_t vector_undeliverable = 0x101;  // the gate: the double fault could not be pushed either

struct EntryFrame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rbx, rdx, rcx;
    uint64_t rax;
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;

    [[nodiscard]] bool from_guest() const { return (cs & 3) != 0; }
    [[nodiscard]] bool from_user() const { return (cs & 2) != 0; }
};
static_assert(sizeof(EntryFrame) == 22 * sizeof(uint64_t));

// An NMI, machine check, debug exception or double fault, on its own stack of the hypervisor's.
struct IstFrame {
    uint64_t root;  // CR3 of the interrupted context
    EntryFrame registers;
};

// How entry.asm goes back to an interrupted ring-0 context. In every case EntryFrame::rax is made the CR3 value to
// load.
enum class RingZeroReturn : uint32_t {
    debug = 0,          // IRETQ from the words that still stand on the event's IST page
    without_iretq = 1,  // POPFQ, RETFQ: EntryFrame::vector is made the address of {RAX, RFLAGS, RIP, CS}
    nmi = 2,            // as debug
    machine_check = 3,  // as debug
};

}  // namespace ringfold
