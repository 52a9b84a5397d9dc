/* SPDX-License-Identifier: GPL-2.0 */
/* Where the hypervisor starts the kernel, and what the image tells it. */
#include <linux/elfnote.h>
#include <linux/init.h>
#include <linux/linkage.h>

#include <asm/asm.h>
#include <asm/boot.h>
#include <asm/percpu.h>
#include <asm/unwind_hints.h>

	__INIT
/*
 * In ring 1, virtual interrupts off.
 *	RDI	linear address of the start-info page
 *	RSP	a stack of the domain builder's
 */
SYM_CODE_START(startup_ringfold)
	UNWIND_HINT_EMPTY
	ANNOTATE_NOENDBR
	cld
	movq	initial_stack(%rip), %rsp
	/* The base of GS is that of the boot CPU's area until the per-CPU areas are set up. */
	movq	$INIT_PER_CPU_VAR(fixed_percpu_data), %rax
	wrgsbase %rax
	call	ringfold_start_kernel
SYM_CODE_END(startup_ringfold)
	__FINIT

	/* include/ringfold/start_info.h: ABI version, bytes to map, hypercall return, entry. */
	ELFNOTE(Ringfold, 1, .long 1)
	ELFNOTE(Ringfold, 2, .quad 192 << 20)
	ELFNOTE(Ringfold, 3, .quad ringfold_hypercall_return)
	ELFNOTE(Ringfold, 4, .quad startup_ringfold)
