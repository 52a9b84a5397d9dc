/* SPDX-License-Identifier: GPL-2.0 */
/* What the rest of the kernel has to know of the Ringfold port. */
#ifndef _ASM_X86_RINGFOLD_H
#define _ASM_X86_RINGFOLD_H

#include <linux/types.h>

struct pt_regs;

#ifdef CONFIG_RINGFOLD
/* The kernel runs in ring 1 under the Ringfold hypervisor. */
extern bool ringfold_domain;



unsigned long ringfold_cr4(void);

/* A general protection fault of the kernel's: was it an access to a port? Then it is done. */
bool ringfold_absent_port(struct pt_regs *regs);

/* Page tables are read-only: an entry that a processor may be walking is exchanged by hypercall. */
unsigned long ringfold_exchange_entry(void *entry, unsigned long value);
#else
#define ringfold_domain false
static inline unsigned long ringfold_cr4(void)
{
	return 0;
}
static inline bool ringfold_absent_port(struct pt_regs *regs)
{
	return false;
}
static inline unsigned long ringfold_exchange_entry(void *entry, unsigned long value)
{
	return 0;
}
#endif

#endif
