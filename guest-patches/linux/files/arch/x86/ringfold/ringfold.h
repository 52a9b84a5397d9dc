/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the Ringfold port share. */
#ifndef ARCH_X86_RINGFOLD_RINGFOLD_H
#define ARCH_X86_RINGFOLD_RINGFOLD_H

#include <linux/cpumask.h>
#include <linux/init.h>
#include <linux/irqhandler.h>
#include <linux/types.h>

#include <asm/pgtable_types.h>

#include <ringfold/console.h>
#include <ringfold/domain.h>
#include <ringfold/event.h>
#include <ringfold/hypercall_wrappers.h>
#include <ringfold/page_table.h>
#include <ringfold/platform.h>
#include <ringfold/start_info.h>
#include <ringfold/vcpu.h>

struct irq_chip;
struct irq_data;
struct irq_domain;

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
void ringfold_init_vcpu_page(unsigned long emergency_stack_top);

/* frames.c: the pseudo-physical map. A frame that is not the domain's is one past all memory. */
void __init ringfold_init_frames(void);
void __init ringfold_use_frames(void);
void __init ringfold_keep_scattered_blocks(void);
/* All frames of its block of 2 MiB lie where its own does, in one piece; those that are missing do not matter. */
bool ringfold_fits_its_block(unsigned long pfn);
unsigned long ringfold_physical_to_machine(unsigned long pfn);
/* RINGFOLD_NO_FRAME: it has none from now on. */
void ringfold_set_machine_frame(unsigned long pfn, unsigned long machine_frame);
/* At the start the first so many of them have one; in the control domain all. */
unsigned long __init ringfold_backed_frames(void);
/* The pseudo-physical frame that a present entry names. */
unsigned long ringfold_named_frame(u64 entry);

/* first_tables.c: those of the builder. */
void __init ringfold_open_image(void);
void __init ringfold_take_over_tables(void);

/* memory.c: page tables. */
void __init ringfold_init_memory(void);
void ringfold_set_current_root(const pgd_t *root);
unsigned long ringfold_machine_frame(const void *address);
u64 ringfold_entry_address(const void *entry);
void ringfold_queue_set(void *entry, u64 value);
/* The entry of the direct map for this page alone, of a table that may be hung in by an operation that is queued. */
pte_t *ringfold_direct_entry(unsigned long pfn);
unsigned long ringfold_machine_to_physical(unsigned long machine_frame);
char *__init ringfold_memory_setup(void);

/* big_pages.c: the entry of the direct map for this page alone from now on, by an operation that is queued; NULL: it has none. */
pte_t *ringfold_split_big_page(unsigned long pfn);
/* A block that begins at `pfn`, whose pages nobody uses yet, is mapped big again if it can be. */
void ringfold_join_big_page(unsigned long pfn);

/* batch.c: operations on page tables, queued while the caller is in lazy mode. Offsets of the call buffer: */
#define RINGFOLD_BATCH_OFFSET 0
#define RINGFOLD_KICK_PORT_OFFSET (PAGE_SIZE - sizeof(u32)) /* spinlock.c: behind the queue; written once */
#define RINGFOLD_CONSOLE_OFFSET PAGE_SIZE
#define RINGFOLD_ANSWER_OFFSET (2 * PAGE_SIZE) /* what other calls answer: interrupts are off until it is read */
#define RINGFOLD_OWN_PAGES 3 /* of each CPU */
#define RINGFOLD_REQUEST_OFFSET (4 * PAGE_SIZE) /* device.c: what programs ask for, the same frames on all CPUs */
/* The boot CPU's is static, those of others are allocated before they start; registering is for the CPU it runs on. */
int ringfold_allocate_call_buffer(unsigned int cpu);
void ringfold_register_call_buffer(void);
void ringfold_queue(struct ringfold_page_table_operation operation);
/* Flags of an entry of a page table; and of one more, in the same operation: false if it is not the next of the same. */
void ringfold_queue_flags(const void *entry, u64 value, u64 mask);
bool ringfold_extend_run(const void *entry, u64 value, u64 mask);
void ringfold_flush_queue(void);
/* At once, with all that is queued. Returns the entry that was replaced. */
u64 ringfold_exchange(u64 address, u64 value);
/* The same for what may be refused: -RINGFOLD_*. */
s64 ringfold_try_set(void *entry, u64 value);
void __init ringfold_issue(struct ringfold_page_table_operation operation);
void *ringfold_call_buffer_at(unsigned long offset);
void *ringfold_call_buffer_of(unsigned int cpu, unsigned long offset);

/* smp.c */
void __init ringfold_init_smp(void);
/* NULL: the CPU never came up. */
const struct ringfold_vcpu_page *ringfold_vcpu_page_of(int cpu);

/* spinlock.c */
void __init ringfold_init_spinlocks(void);
int ringfold_bind_kick(unsigned int cpu);

/* device.c: pages of the call buffer, on the CPU it runs on. */
void ringfold_register_request_pages(void);
/*
 * RINGFOLD_REQUEST_DATA_MAX bytes at RINGFOLD_REQUEST_OFFSET of the call buffer, cleared, for one hypercall after the other, by
 * whoever may sleep; NULL: a signal came before they were free.
 */
void *ringfold_take_request_pages(void);
void ringfold_give_request_pages(void);

/* event.c. Numbers of interrupts behind those of the lines of devices: */
#define RINGFOLD_FIRST_VIRTUAL_IRQ 256
void __init ringfold_init_events(void);
/* They return the interrupt's number. */
int ringfold_bind_virtual_irq(unsigned int virtual_irq, unsigned int cpu);
int ringfold_bind_ipi(unsigned int cpu);
void ringfold_unbind_irq(unsigned int irq);
unsigned int ringfold_port_of_irq(unsigned int irq);
/* Where the bits of a CPU's ports are, for all CPUs. */
void ringfold_set_event_area(unsigned int cpu, struct ringfold_event_area *area);
/* A port that was just bound gets its interrupt and CPU. -ENOSPC: it has no place in the vCPU's page, and is closed again. */
int ringfold_attach_port(struct irq_data *data, unsigned int port, unsigned int cpu);
/* The same for what was answered to a bind, with an interrupt number of its own, which it returns. */
int ringfold_add_port(struct ringfold_hypercall_result port, unsigned int cpu, struct irq_chip *chip,
		      irq_flow_handler_t handler, const char *kind);
void ringfold_close_port(unsigned int port);
/* A port of `cpu` that is no interrupt: it becomes pending, and nothing else happens. Returns it. */
int ringfold_bind_silent_ipi(unsigned int cpu);
bool ringfold_take_pending(unsigned int port);
void ringfold_mask_irq(struct irq_data *data);
void ringfold_unmask_irq(struct irq_data *data);
void ringfold_acknowledge_irq(struct irq_data *data);
int ringfold_set_irq_affinity(struct irq_data *data, const struct cpumask *cpus, bool force);

/* device_irq.c: interrupts of devices, for the control domain. Returns the interrupt's number, which is that of the line. */
int ringfold_bind_line(u32 gsi, bool level_triggered, bool active_low);
struct irq_domain *__init ringfold_create_message_domain(void);

/* platform.c: ACPI and PCI, or that there is none. */
void __init ringfold_init_devices(void);

/* time.c */
void __init ringfold_init_time(void);
int ringfold_bind_timer(unsigned int cpu);
void ringfold_start_timer(void);
void __init ringfold_init_sched_clock(void);
u64 ringfold_system_time(void);

/* console.c */
void __init ringfold_init_console(void);
void ringfold_console_output(const char *text, size_t length);

#endif
