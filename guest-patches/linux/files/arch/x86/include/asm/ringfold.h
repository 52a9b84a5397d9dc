/* SPDX-License-Identifier: GPL-2.0 */
/* What the rest of the kernel has to know of the Ringfold port. */
#ifndef _ASM_X86_RINGFOLD_H
#define _ASM_X86_RINGFOLD_H

#include <linux/types.h>

struct desc_ptr;
struct mm_struct;
struct pt_regs;

#if defined(CONFIG_RINGFOLD) && defined(CONFIG_PARAVIRT_XXL) /* not: the decompressor */
/* The kernel runs in ring 1 under the Ringfold hypervisor. */
extern bool ringfold_domain;
/* And it is the control domain, whose physical addresses are the machine's. */
extern bool ringfold_control_domain;

unsigned long ringfold_cr4(void);

/* Instead of SGDT, which is not for ring 1. */
void ringfold_store_gdt(struct desc_ptr *table);

/* A general protection fault of the kernel's: was it an access to a port? Then it is done. */
bool ringfold_access_port(struct pt_regs *regs);

/* Page tables are read-only; an entry that a processor may be walking is changed by hypercall. */
void ringfold_set_entry(void *entry, unsigned long value);
unsigned long ringfold_exchange_entry(void *entry, unsigned long value);
unsigned long ringfold_exchange_pmd(void *entry, unsigned long value);
unsigned long ringfold_take_entry(struct mm_struct *mm, void *entry);
void ringfold_clear_flags(void *entry, unsigned long flags);

/* Small pages instead of a big one, around an address of the direct map or the image. False: there is none. */
bool ringfold_split_kernel(unsigned long address);
/* The rights of the image stay as they are from now on. */
void ringfold_image_is_sealed(void);
#else
#define ringfold_domain false
#define ringfold_control_domain false
static inline unsigned long ringfold_cr4(void)
{
	return 0;
}
static inline void ringfold_store_gdt(struct desc_ptr *table)
{
}
static inline bool ringfold_access_port(struct pt_regs *regs)
{
	return false;
}
static inline void ringfold_set_entry(void *entry, unsigned long value)
{
}
static inline unsigned long ringfold_exchange_entry(void *entry, unsigned long value)
{
	return 0;
}
static inline unsigned long ringfold_exchange_pmd(void *entry, unsigned long value)
{
	return 0;
}
static inline unsigned long ringfold_take_entry(struct mm_struct *mm, void *entry)
{
	return 0;
}
static inline void ringfold_clear_flags(void *entry, unsigned long flags)
{
}
static inline bool ringfold_split_kernel(unsigned long address)
{
	return false;
}
static inline void ringfold_image_is_sealed(void)
{
}
#endif

#endif
