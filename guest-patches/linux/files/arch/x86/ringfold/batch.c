// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of page-table operations of a CPU. Outside of lazy mode each operation is a hypercall; inside, a batch is,
 * and whoever must see its effect flushes the queue.
 *
 * Interrupts are off while the queue changes: what an interrupt queues goes behind what it interrupted, and both are done.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>

#include <asm/paravirt.h>

#include "ringfold.h"

#define QUEUE_LENGTH (PAGE_SIZE / sizeof(struct ringfold_page_table_operation))

/*
 * Each CPU's call buffer: the queue, the console's text with the vCPU's entries, and answers. The boot CPU's stays where
 * it is when per-CPU areas move.
 */
static char boot_call_buffer[RINGFOLD_OWN_PAGES][PAGE_SIZE] __page_aligned_data;
static DEFINE_PER_CPU(char *, call_buffer) = boot_call_buffer[0];
static DEFINE_PER_CPU(unsigned int, queued);

static __cold void refused(const struct ringfold_page_table_operation *operation, s64 status)
{
	panic("Ringfold refuses a page-table operation: %lld; operation %u count %u address %llx value %llx mask %llx\n",
	      status, operation->operation, operation->count, operation->address, operation->value, operation->mask);
}

static struct ringfold_page_table_operation *queue(void)
{
	return ringfold_call_buffer_at(RINGFOLD_BATCH_OFFSET);
}

static void issue(void)
{
	const unsigned int count = this_cpu_read(queued);
	unsigned int done = 0;

	while (done < count) {
		struct ringfold_page_table_operation *next = &queue()[done];
		struct ringfold_hypercall_result result =
			ringfold_page_table_batch(RINGFOLD_BATCH_OFFSET + done * sizeof(*next), count - done);

		done += result.value;
		next += result.value;
		if (result.status != 0 && result.status != -RINGFOLD_EAGAIN)
			refused(next, result.status);
	}
	this_cpu_write(queued, 0);
}

void ringfold_flush_queue(void)
{
	unsigned long flags;

	local_irq_save(flags);
	issue();
	local_irq_restore(flags);
}

static void append(const struct ringfold_page_table_operation *operation)
{
	queue()[this_cpu_inc_return(queued) - 1] = *operation;
}

void ringfold_queue(struct ringfold_page_table_operation operation)
{
	unsigned long flags;

	local_irq_save(flags);
	append(&operation);
	if (this_cpu_read(queued) == QUEUE_LENGTH || paravirt_get_lazy_mode() != PARAVIRT_LAZY_MMU)
		issue();
	local_irq_restore(flags);
}

/* What is queued last goes on at `address`, in the same table. */
static bool extend_last(u64 address, u64 value, u64 mask)
{
	const unsigned int count = this_cpu_read(queued);
	struct ringfold_page_table_operation *last = queue() + count - 1;

	if (count == 0 || (address & ~PAGE_MASK) == 0 || last->operation != RINGFOLD_PAGE_TABLE_FLAGS_RUN ||
	    last->address + last->count * sizeof(u64) != address || last->value != value || last->mask != mask)
		return false;
	last->count++;
	return true;
}

void ringfold_queue_flags(u64 address, u64 value, u64 mask)
{
	unsigned long flags;
	bool extended;

	local_irq_save(flags);
	extended = extend_last(address, value, mask);
	local_irq_restore(flags);
	if (!extended)
		ringfold_queue((struct ringfold_page_table_operation){
			.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
			.count = 1,
			.address = address,
			.value = value,
			.mask = mask,
		});
}

u64 ringfold_exchange(u64 address, u64 value)
{
	const struct ringfold_page_table_operation operation = {
		.operation = RINGFOLD_PAGE_TABLE_EXCHANGE,
		.address = address,
		.value = value,
	};
	unsigned long flags;
	unsigned int place;
	u64 old;

	local_irq_save(flags);
	append(&operation);
	place = this_cpu_read(queued) - 1;
	issue();
	old = queue()[place].mask;
	local_irq_restore(flags);
	return old;
}

/* Before the operations of paravirt.h are set up: interrupts are off anyway. */
void __init ringfold_issue(struct ringfold_page_table_operation operation)
{
	append(&operation);
	issue();
}

void *ringfold_call_buffer_at(unsigned long offset)
{
	return this_cpu_read(call_buffer) + offset;
}

void ringfold_register_call_buffer(void)
{
	unsigned int page;

	for (page = 0; page < RINGFOLD_OWN_PAGES; page++)
		(void)ringfold_call_buffer_set(page, ringfold_machine_frame(ringfold_call_buffer_at(page * PAGE_SIZE)));
}

int ringfold_allocate_call_buffer(unsigned int cpu)
{
	per_cpu(call_buffer, cpu) = (char *)__get_free_pages(GFP_KERNEL, get_order(RINGFOLD_OWN_PAGES * PAGE_SIZE));
	if (per_cpu(call_buffer, cpu) != NULL)
		return 0;
	per_cpu(call_buffer, cpu) = boot_call_buffer[0];
	return -ENOMEM;
}
