// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of page-table operations of a CPU. Outside of lazy mode each operation is a hypercall; inside, a batch is,
 * and whoever must see its effect flushes the queue.
 *
 * Interrupts are off while the queue changes: what an interrupt queues goes behind what it interrupted, and both are done.
 */
#include <linux/mm.h>
#include <linux/percpu.h>

#include <asm/paravirt.h>

#include "ringfold.h"

#define QUEUE_LENGTH (PAGE_SIZE / sizeof(struct ringfold_page_table_operation))

/* Pages of the call buffer: the queue, the console's text and whatever else a call takes. */
static char call_buffer[2][PAGE_SIZE] __page_aligned_data;
#define queue ((struct ringfold_page_table_operation *)call_buffer[0])
static unsigned int queued;

static __cold void refused(const struct ringfold_page_table_operation *operation, s64 status)
{
	panic("Ringfold refuses a page-table operation: %lld; operation %u count %u address %llx value %llx mask %llx\n",
	      status, operation->operation, operation->count, operation->address, operation->value, operation->mask);
}

/* An entry in a page that is no page table yet is plain memory. */
static void set_in_memory(const struct ringfold_page_table_operation *operation)
{
	unsigned long pfn = ringfold_machine_to_physical(operation->address >> PAGE_SHIFT);
	u64 *entry = __va(PFN_PHYS(pfn) | (operation->address & ~PAGE_MASK));

	WRITE_ONCE(*entry, operation->value);
}

static void issue(void)
{
	unsigned int done = 0;

	while (done < queued) {
		struct ringfold_hypercall_result result =
			ringfold_page_table_batch(RINGFOLD_BATCH_OFFSET + done * sizeof(*queue), queued - done);

		done += result.value;
		if (result.status == 0 || result.status == -RINGFOLD_EAGAIN)
			continue;
		if (result.status != -RINGFOLD_ENOENT || queue[done].operation != RINGFOLD_PAGE_TABLE_SET)
			refused(&queue[done], result.status);
		set_in_memory(&queue[done]);
		done++;
	}
	queued = 0;
}

void ringfold_flush_queue(void)
{
	unsigned long flags;

	local_irq_save(flags);
	issue();
	local_irq_restore(flags);
}

void ringfold_queue(struct ringfold_page_table_operation operation)
{
	unsigned long flags;

	local_irq_save(flags);
	queue[queued++] = operation;
	if (queued == QUEUE_LENGTH || paravirt_get_lazy_mode() != PARAVIRT_LAZY_MMU)
		issue();
	local_irq_restore(flags);
}

/* Before the operations of paravirt.h are set up: interrupts are off anyway. */
void __init ringfold_issue(struct ringfold_page_table_operation operation)
{
	queue[queued++] = operation;
	issue();
}

void *ringfold_call_buffer_at(unsigned long offset)
{
	return (char *)call_buffer + offset;
}

void __init ringfold_init_batch(void)
{
	unsigned int page;

	for (page = 0; page < ARRAY_SIZE(call_buffer); page++)
		(void)ringfold_call_buffer_set(page, ringfold_machine_frame(call_buffer[page]));
}
