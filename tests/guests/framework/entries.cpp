// SPDX-License-Identifier: Apache-2.0
#include "framework/entries.hpp"

#include "framework/call_buffer.hpp"
#include "framework/time.hpp"
#include "framework/vcpu.hpp"
#include "framework/verdict.hpp"

#include <array>
#include <utility>

namespace guest {
namespace {

// Vectors with an error code: #DF #TS #NP #SS #GP #PF #AC #CP (Intel SDM volume 3, table 6-1).
constexpr bool has_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

// In: RSP at the gate's frame. Goes to entry_common with vector and error code below it.
template <unsigned vector>
requires(has_error_code(vector)) [[gnu::naked]] void stub() {
    asm volatile("pushq %0\n\tjmp entry_common" ::"i"(vector));
}
template <unsigned vector>
requires(!has_error_code(vector)) [[gnu::naked]] void stub() {
    asm volatile("pushq $0\n\tpushq %0\n\tjmp entry_common" ::"i"(vector));
}

// In: RSP at vector, error code and return frame, as the gate pushed them. Only marks the vector.
[[gnu::naked]] void bad_return_stub() { asm volatile("orq %0, (%%rsp)\n\tjmp entry_common" ::"i"(entry_bad_return)); }

template <std::size_t... vectors>
constexpr std::array<void (*)(), sizeof...(vectors)> exception_stubs(std::index_sequence<vectors...>) {
    return {stub<vectors>...};
}

[[noreturn]] void unexpected(const Frame &frame) {
    fatal_failure("unexpected entry 0x%lx error 0x%lx from %lx:%lx flags %lx stack %lx:%lx cr2 %lx", frame.vector,
                  frame.error, frame.cs, frame.rip, frame.rflags, frame.ss, frame.rsp, vcpu_page().cr2);
}

}  // namespace

// In: RDI function, RSI argument, RDX where to keep the stack pointer for resume_recovery.
// Out: RAX 0 when the function returned, 1 through resume_recovery. Both leave the callee-saved registers as they were.
extern "C" [[gnu::naked]] uint64_t enter_recovery(void (*)(void *), void *, uint64_t *) {
    asm volatile(R"(
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdx)
	subq $8, %rsp
	movq %rdi, %rax
	movq %rsi, %rdi
	callq *%rax
	addq $8, %rsp
	xorl %eax, %eax
	jmp 1f
	.globl resume_recovery
resume_recovery:
	movq %rdi, %rsp
	movl $1, %eax
1:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	retq
)");
}
extern "C" [[noreturn]] void resume_recovery(uint64_t stack_pointer);

extern "C" [[gnu::used]] void handle_entry(Frame *frame) {
    Vcpu &vcpu = this_vcpu();
    if (vcpu.hook == nullptr || !vcpu.hook(*frame)) {
        if (frame->vector == entry_upcall) {
            clear_upcall_pending();
            vcpu.upcalls.fetch_add(1, std::memory_order_relaxed);
        } else if (vcpu.recovery != 0) {
            *vcpu.caught = {true, *frame, vcpu_page().cr2, vcpu_page().dr6, reinterpret_cast<uint64_t>(frame)};
            resume_recovery(vcpu.recovery);
        } else {
            unexpected(*frame);
        }
    }
    if (!frame->from_user() && (frame->rflags & flag_interrupt) != 0) {
        enable_upcalls();
    }
}

// entry_common: in RSP at vector, error code, gate frame (16-byte aligned above); virtual interrupt flag 0.
// return_to_frame: in RDI a Frame; virtual interrupt flag 0 if it leads to ring 3. RSP is then the return area of the
// vCPU page, so that the window reaches the flags behind it.
static_assert(offsetof(ringfold_vcpu_page, return_frame) == 0, "RSP at the page is RSP at the return frame");
extern "C" [[gnu::naked, gnu::used]] void entry_common() {
    asm volatile(
        R"(
	pushq %%rdi
	pushq %%rsi
	pushq %%rdx
	pushq %%rcx
	pushq %%rax
	pushq %%r8
	pushq %%r9
	pushq %%r10
	pushq %%r11
	pushq %%rbx
	pushq %%rbp
	pushq %%r12
	pushq %%r13
	pushq %%r14
	pushq %%r15
	cld
	movq %%rsp, %%rdi
	callq handle_entry
	movq %%rsp, %%rdi

	.globl return_to_frame
	.hidden return_to_frame
return_to_frame:
	movq %%rdi, %%rsp
	testb $2, %c[cs](%%rsp)
	jz 1f

	movabsq %[page], %%rax
	movq %c[rip](%%rsp), %%rcx
	movq %%rcx, 0(%%rax)
	movq %c[cs](%%rsp), %%rcx
	movq %%rcx, 8(%%rax)
	movq %c[rflags](%%rsp), %%rcx
	movq %%rcx, 16(%%rax)
	movq %c[rsp](%%rsp), %%rcx
	movq %%rcx, 24(%%rax)
	movq %c[ss](%%rsp), %%rcx
	movq %%rcx, 32(%%rax)
	movq %c[user_gs](%%rax), %%rcx
	wrgsbase %%rcx

1:	popq %%r15
	popq %%r14
	popq %%r13
	popq %%r12
	popq %%rbp
	popq %%rbx
	popq %%r11
	popq %%r10
	popq %%r9
	popq %%r8
	popq %%rax
	popq %%rcx
	popq %%rdx
	popq %%rsi
	popq %%rdi
	testb $2, 24(%%rsp)
	jnz 2f
	addq $16, %%rsp
	iretq

2:	movabsq %[page], %%rsp
	.globl window_start, window_compare, window_branch, window_iretq, window_slow
	.hidden window_start, window_compare, window_branch, window_iretq, window_slow
window_start:
	movb $1, %c[interrupt_flag](%%rsp)
window_compare:
	cmpb $0, %c[pending](%%rsp)
window_branch:
	jne window_slow
window_iretq:
	iretq
window_slow:
	int %[slow_return]
)" ::[page] "i"(RINGFOLD_VCPU_PAGE_ADDRESS),
        [rip] "i"(offsetof(Frame, rip)), [cs] "i"(offsetof(Frame, cs)), [rflags] "i"(offsetof(Frame, rflags)),
        [rsp] "i"(offsetof(Frame, rsp)), [ss] "i"(offsetof(Frame, ss)),
        [user_gs] "i"(offsetof(ringfold_vcpu_page, user_gs_base)), [interrupt_flag] "i"(RINGFOLD_INTERRUPT_FLAG_OFFSET),
        [pending] "i"(RINGFOLD_UPCALL_PENDING_OFFSET), [slow_return] "i"(RINGFOLD_VECTOR_SLOW_RETURN));
}

ringfold_vcpu_entries default_entries() {
    static constexpr auto stubs = exception_stubs(std::make_index_sequence<32>{});
    ringfold_vcpu_entries entries{};
    entries.hypercall_return = reinterpret_cast<uint64_t>(hypercall_return);
    entries.syscall = reinterpret_cast<uint64_t>(stub<entry_system_call>);
    entries.syscall32 = reinterpret_cast<uint64_t>(stub<entry_system_call32>);
    entries.int80 = reinterpret_cast<uint64_t>(stub<entry_int80>);
    entries.upcall = reinterpret_cast<uint64_t>(stub<entry_upcall>);
    entries.bad_return = reinterpret_cast<uint64_t>(bad_return_stub);
    entries.window_start = reinterpret_cast<uint64_t>(window_start);
    entries.window_iretq = reinterpret_cast<uint64_t>(window_iretq);
    for (unsigned vector = 0; vector < stubs.size(); ++vector) {
        entries.exceptions[vector] = reinterpret_cast<uint64_t>(stubs[vector]);
    }
    return entries;
}

Result register_entries(const ringfold_vcpu_entries &entries) {
    *call_buffer<ringfold_vcpu_entries>() = entries;
    return hypercall(RINGFOLD_HYPERCALL_VCPU_REGISTER, 0);
}

Entry catch_entry(void (*function)(void *), void *argument) {
    Vcpu &vcpu = this_vcpu();
    const uint64_t outer_recovery = vcpu.recovery;
    Entry *const outer_caught = vcpu.caught;
    const bool upcalls_were_enabled = vcpu_page().interrupt_flag != 0;
    Entry entry;
    vcpu.caught = &entry;
    enter_recovery(function, argument, &vcpu.recovery);
    vcpu.recovery = outer_recovery;
    vcpu.caught = outer_caught;
    if (upcalls_were_enabled) {
        enable_upcalls();
    }
    return entry;
}

}  // namespace guest
