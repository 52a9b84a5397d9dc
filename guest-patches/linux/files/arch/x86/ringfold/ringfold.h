/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the Ringfold port share. */
#ifndef ARCH_X86_RINGFOLD_RINGFOLD_H
#define ARCH_X86_RINGFOLD_RINGFOLD_H

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/types.h>

#include <ringfold/console.h>
#include <ringfold/domain.h>
#include <ringfold/event.h>
#include <ringfold/hypercall_wrappers.h>
#include <ringfold/page_table.h>
#include <ringfold/start_info.h>
#include <ringfold/vcpu.h>

extern struct ringfold_start_info *ringfold_start_info;

/* The page of the vCPU that this runs on. */
static __always_inline struct ringfold_vcpu_page *ringfold_vcpu_page(void)
{
	return (struct ringfold_vcpu_page *)RINGFOLD_VCPU_PAGE_ADDRESS;
}

/* entry.S */
void ringfold_irq_enable(void);
void ringfold_irq_disable(void);
unsigned long ringfold_save_flags(void);
unsigned long ringfold_read_cr2(void);
void ringfold_entry_syscall(void);
void ringfold_bad_return(void);
void ringfold_iret(void);
void ringfold_no_such_interrupt(void);
void asm_sysvec_ringfold_upcall(void);
extern char ringfold_hypercall_return[];
extern char ringfold_return_window[];
extern char ringfold_return_window_iretq[];

/* entry_64.S: a jump, to where returns to the kernel go until alternatives are patched. */
void early_xen_iret_patch(void);

/* processor.c: what needs ring 0, and the entry points of this vCPU. */
void __init ringfold_init_processor(void);

/* memory.c: the pseudo-physical map and page tables. */
void __init ringfold_init_frames(void);
void __init ringfold_open_image(void);
void __init ringfold_init_memory(void);
unsigned long ringfold_machine_frame(const void *address);
unsigned long ringfold_machine_to_physical(unsigned long machine_frame);
char *__init ringfold_memory_setup(void);

/* batch.c: operations on page tables, queued while the caller is in lazy mode. Offsets of the call buffer: */
#define RINGFOLD_BATCH_OFFSET 0
#define RINGFOLD_CONSOLE_OFFSET PAGE_SIZE
void __init ringfold_init_batch(void);
void ringfold_queue(struct ringfold_page_table_operation operation);
void ringfold_flush_queue(void);
void __init ringfold_issue(struct ringfold_page_table_operation operation);
void *ringfold_call_buffer_at(unsigned long offset);

/* event.c */
void __init ringfold_init_events(void);
int ringfold_bind_virtual_irq(unsigned int virtual_irq, unsigned int cpu);

/* time.c */
void __init ringfold_init_time(void);
void __init ringfold_init_sched_clock(void);
u64 ringfold_system_time(void);

/* console.c */
void __init ringfold_init_console(void);
void ringfold_console_output(const char *text, size_t length);

#endif
