/* SPDX-License-Identifier: MIT */
/*
 * The calling convention. A hypercall is a SYSCALL from ring 1 whose return address is exactly the registered
 * hypercall_return:
 *
 *   RAX number   RDI RSI RDX R10 R8 R9 arguments 0-5
 *   -> RAX status: 0, or a negated RINGFOLD_E*;  RDX second result or progress (0 where there is none)
 *   RCX, R11 are lost; every other register and RFLAGS are kept.
 *
 * vCPU 0 starts with the hypercall_return that the image's ELF note names (RINGFOLD_NOTE_HYPERCALL_RETURN) and nothing
 * else registered; a vCPU started by vcpu_start inherits all entries of the vCPU that starts it.
 *
 * Large arguments lie in the vCPU's call buffer: up to 16 pages, each registered by machine frame (call_buffer_set);
 * offsets count from the start of page 0 and a range may cross pages. The hypervisor copies once, then checks the copy.
 *
 * Gate calls use the same convention and never leave the gate.
 */
#ifndef RINGFOLD_HYPERCALL_H
#define RINGFOLD_HYPERCALL_H

#include "base.h"

#define RINGFOLD_CALL_BUFFER_PAGES 16U

/* Gate calls: RDI = linear address. */
#define RINGFOLD_GATE_INVALIDATE_PAGE 0x100U /* drop the translation of the page of RDI on this CPU */
#define RINGFOLD_GATE_FLUSH 0x101U           /* drop every translation of the current root on this CPU */

struct ringfold_hypercall_result {
	int64_t status;
	uint64_t value;
};

#endif
