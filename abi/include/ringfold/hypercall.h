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

/*
 * hypercall multicall: one hypercall of several. Rights, arguments and effects are those of the call issued alone; gate
 * calls, and calls that block, do not return, or are multicalls themselves, give EINVAL or (gate calls) ENOSYS. Read once.
 * When the multicall gives EAGAIN, the first element that is not done was either not begun (then its status and value are
 * as the guest left them), or its own status is EAGAIN: then its value tells its progress, and its arguments are to be
 * moved on as if it had been issued alone.
 */
struct ringfold_multicall_element {
	uint64_t number;       /* guest writes */
	uint64_t arguments[6]; /* guest writes: RDI, RSI, RDX, R10, R8, R9 */
	int64_t status;        /* hypervisor writes: RAX */
	uint64_t value;        /* hypervisor writes: RDX */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_multicall_element, 72);
RINGFOLD_ASSERT_OFFSET(struct ringfold_multicall_element, status, 56);
#define RINGFOLD_MULTICALL_MAX 512U

#endif
