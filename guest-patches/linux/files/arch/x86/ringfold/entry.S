/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways between kernel, users and hypervisor. include/ringfold/vcpu.h says what the gate leaves on the stack.
 */
#include <linux/linkage.h>

#include <asm/asm.h>
#include <asm/asm-offsets.h>
#include <asm/ptrace-abi.h>
#include <asm/trapnr.h>
#include <asm/unwind_hints.h>
#include <asm/nospec-branch.h>

#include "../entry/calling.h"

/* The vCPU page: include/ringfold/vcpu.h. An absolute 64-bit address can only be had through AL, or in a register. */
#define VCPU_PAGE	0xffff800000050000
#define INTERRUPT_FLAG	(VCPU_PAGE + 40)
#define UPCALL_PENDING	(VCPU_PAGE + 41)
#define FAULT_ADDRESS	(VCPU_PAGE + 48)
#define USER_GS_BASE	88

.pushsection .noinstr.text, "ax"

/* The one instruction that makes hypercalls: include/ringfold/hypercall.h. */
SYM_FUNC_START(ringfold_hypercall_entry)
	ANNOTATE_NOENDBR
	UNWIND_HINT_SAVE
	syscall
SYM_INNER_LABEL(ringfold_hypercall_return, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	UNWIND_HINT_RESTORE
	RET
SYM_FUNC_END(ringfold_hypercall_entry)

/* An upcall waits and may be taken now: any hypercall delivers it when it returns. Keeps every register. */
SYM_FUNC_START_LOCAL(take_upcall)
	push	%rax
	push	%rcx
	push	%rdx
	push	%rdi
	push	%r11
	xorl	%eax, %eax		/* version */
	xorl	%edi, %edi
	call	ringfold_hypercall_entry
	pop	%r11
	pop	%rdi
	pop	%rdx
	pop	%rcx
	pop	%rax
	RET
SYM_FUNC_END(take_upcall)

/* The next four may change RAX and flags only. */
SYM_FUNC_START(ringfold_irq_disable)
	xorl	%eax, %eax
	movabsb	%al, INTERRUPT_FLAG
	RET
SYM_FUNC_END(ringfold_irq_disable)

SYM_FUNC_START(ringfold_irq_enable)
	movb	$1, %al
	movabsb	%al, INTERRUPT_FLAG
	movabsb	UPCALL_PENDING, %al
	testb	%al, %al
	jz	1f
	call	take_upcall
1:	RET
SYM_FUNC_END(ringfold_irq_enable)

/* X86_EFLAGS_IF of the result is the virtual interrupt flag. */
SYM_FUNC_START(ringfold_save_flags)
	movabsb	INTERRUPT_FLAG, %al
	movzbl	%al, %eax
	shll	$9, %eax
	RET
SYM_FUNC_END(ringfold_save_flags)

SYM_FUNC_START(ringfold_read_cr2)
	movabsq	FAULT_ADDRESS, %rax
	RET
SYM_FUNC_END(ringfold_read_cr2)

/*
 * A system call. The gate left what hardware leaves for an interrupt, with the kernel's GS base:
 *	SS RSP RFLAGS CS RIP <- RSP
 */
SYM_CODE_START(ringfold_entry_syscall)
	UNWIND_HINT_ENTRY
	ENDBR
	jmp	entry_SYSCALL_64_after_hwframe
SYM_CODE_END(ringfold_entry_syscall)

/*
 * Back to the kernel, all registers in place:
 *	SS RSP RFLAGS CS RIP <- RSP
 * IRETQ leaves the virtual interrupt flag alone, so it is set here. An upcall from then on simply nests.
 */
SYM_CODE_START(ringfold_iret)
	UNWIND_HINT_IRET_REGS
	ANNOTATE_NOENDBR
	testl	$X86_EFLAGS_IF, 16(%rsp)
	jz	1f
	push	%rax
	UNWIND_HINT_IRET_REGS offset=8
	movb	$1, %al
	movabsb	%al, INTERRUPT_FLAG
	movabsb	UPCALL_PENDING, %al
	testb	%al, %al
	pop	%rax
	UNWIND_HINT_IRET_REGS
	jz	1f
	call	take_upcall
1:	iretq
SYM_CODE_END(ringfold_iret)

/*
 * Back to a user: pt_regs <- RSP, interrupts off. The frame goes to the return area; then every register, the user's GS
 * base included, is the user's before RSP points there and the return window begins.
 */
SYM_CODE_START(ringfold_restore_regs_and_return_to_usermode)
	UNWIND_HINT_REGS
	ANNOTATE_NOENDBR
	movabsq	$VCPU_PAGE, %rax
	movq	RIP(%rsp), %rcx
	movq	%rcx, 0(%rax)
	movq	CS(%rsp), %rcx
	movq	%rcx, 8(%rax)
	movq	EFLAGS(%rsp), %rcx
	movq	%rcx, 16(%rax)
	movq	RSP(%rsp), %rcx
	movq	%rcx, 24(%rax)
	movq	SS(%rsp), %rcx
	movq	%rcx, 32(%rax)
	movq	USER_GS_BASE(%rax), %rcx
	wrgsbase %rcx
	POP_REGS
	UNWIND_HINT_EMPTY
	movabsq	$VCPU_PAGE, %rsp
SYM_INNER_LABEL(ringfold_return_window, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	movb	$1, 40(%rsp)		/* the virtual interrupt flag */
	cmpb	$0, 41(%rsp)		/* an upcall came before? */
	jne	1f
SYM_INNER_LABEL(ringfold_return_window_iretq, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	iretq
1:	int	$0x81			/* the slow return delivers it */
SYM_CODE_END(ringfold_restore_regs_and_return_to_usermode)

.macro bad_return_is exception
	UNWIND_HINT_IRET_REGS offset=16
	leaq	8(%rsp), %rsp
	UNWIND_HINT_IRET_REGS offset=8
	jmp	asm_exc_\exception
.endm

/*
 * The return to a user failed; as if from the user, on the kernel stack:
 *	SS RSP RFLAGS CS RIP error-code vector <- RSP
 */
SYM_CODE_START(ringfold_bad_return)
	UNWIND_HINT_IRET_REGS offset=16
	ENDBR
	cmpq	$X86_TRAP_PF, (%rsp)
	je	.Lpage_fault
	cmpq	$X86_TRAP_NP, (%rsp)
	je	.Lsegment_not_present
	cmpq	$X86_TRAP_SS, (%rsp)
	je	.Lstack_segment
	bad_return_is general_protection
.Lpage_fault:
	bad_return_is page_fault
.Lsegment_not_present:
	bad_return_is segment_not_present
.Lstack_segment:
	bad_return_is stack_segment
SYM_CODE_END(ringfold_bad_return)

/* What is not configured: as a processor says it. */
SYM_CODE_START(ringfold_no_such_interrupt)
	UNWIND_HINT_IRET_REGS
	ENDBR
	pushq	$0x402			/* descriptor 80h of the interrupt table */
	jmp	asm_exc_general_protection
SYM_CODE_END(ringfold_no_such_interrupt)
.popsection
