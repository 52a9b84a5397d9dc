// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A hypercall keeps every register but RAX, RDX, RCX and R11, and RFLAGS; no bit of the hypervisor's registers comes
// out (hypercall.h). Tried with a call of the hypervisor proper, an unknown number and a gate call, with the flags
// clear and with every flag set that ring 1 can set and that changes how code runs: carry, direction, alignment check,
// identification.
#include "framework/guest.hpp"

using namespace guest;

namespace {

// RDI: number, RSI: flags. Fills every register with a mark, calls, and stores what is there then.
extern "C" [[gnu::naked]] void marked_call(uint64_t, uint64_t) {
    asm volatile(R"(
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rdi, %rax
	pushq %rsi
	movq $0xb1, %rbx
	movq $0xb2, %rbp
	movq $0xb3, %rdi
	movq $0xb4, %rsi
	movq $0xb5, %rdx
	movq $0xb6, %r8
	movq $0xb7, %r9
	movq $0xb8, %r10
	movq $0xb9, %r12
	movq $0xba, %r13
	movq $0xbb, %r14
	movq $0xbc, %r15
	popfq
	call ringfold_hypercall_entry
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r10
	pushq %r9
	pushq %r8
	pushq %rdx
	pushq %rsi
	pushq %rdi
	pushq %rbp
	pushq %rbx
	pushq %r11
	pushq %rcx
	pushfq
	cld
	movq %rsp, %rdi
	call note_registers
	addq $120, %rsp
	pushq $0x202
	popfq
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	retq
)");
}

constinit uint64_t noted[15] = {};  // flags, rcx, r11, then rbx .. r15 in the order of the marks
extern "C" [[gnu::used]] void note_registers(const uint64_t *stack) {
    for (uint64_t i = 0; i < 15; ++i) {
        noted[i] = stack[i];
    }
}

void check_kept(uint64_t number, uint64_t flags, bool has_value) {
    marked_call(number, flags);
    check(noted[0] == flags, "call 0x%lx: flags 0x%lx, were 0x%lx", number, noted[0], flags);
    constexpr uint64_t rdx_position = 7;
    for (uint64_t i = 3; i < 15; ++i) {
        if (i != rdx_position) {
            check(noted[i] == 0xb1 + i - 3, "call 0x%lx, flags 0x%lx: register %lu is 0x%lx", number, flags, i - 3,
                  noted[i]);
        }
    }
    if (!has_value) {
        check(noted[rdx_position] == 0, "call 0x%lx: RDX is 0x%lx", number, noted[rdx_position]);
    }
}

}  // namespace

void guest_main() {
    constexpr uint64_t plain = flag_reserved | flag_interrupt;
    constexpr uint64_t all =
        plain | flag_carry | flag_zero | flag_direction | flag_alignment_check | flag_identification;
    for (const uint64_t flags : Words{plain, all}) {
        check_kept(RINGFOLD_HYPERCALL_VERSION, flags, true);
        check_kept(RINGFOLD_HYPERCALL_YIELD, flags, false);
        check_kept(RINGFOLD_HYPERCALL_VCPU_STATE, flags, false);
        check_kept(RINGFOLD_HYPERCALL_COUNT, flags, false);
        check_kept(RINGFOLD_GATE_INVALIDATE_PAGE, flags, false);
        check_kept(RINGFOLD_GATE_FLUSH, flags, false);
    }
}
