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

#define QUEUE_LENGTH (RINGFOLD_KICK_PORT_OFFSET / sizeof(struct ringfold_page_table_operation))

/*
 * Each CPU's call buffer: the queue, the console's text with the vCPU's entries, and answers. The boot CPU's stays where
 * it is when per-CPU areas move.
 */
static char boot_call_buffer[RINGFOLD_OWN_PAGES][PAGE_SIZE] __page_aligned_data;
static DEFINE_PER_CPU(char *, call_buffer) = boot_call_buffer[0];
static DEFINE_PER_CPU(unsigned int, queued);
static DEFINE_PER_CPU(unsigned int, issues); /* of the queue, ever */

/*
 * What was queued last, if it can go on: flags of neighbours. Who changes a whole table of entries adds one after the other,
 * and all of that is here. An interrupt that queues something issues all there is, which `issue` tells.
 */
struct run {
	const void *next; /* entry; NULL: the run ends with its table, or is not the last in the queue */
	u64 value;
	u64 mask;
	struct ringfold_page_table_operation *operation;
	unsigned int issue; /* the run was queued after that many */
};

static DEFINE_PER_CPU(struct run, last_run);

static __cold void refused(const struct ringfold_page_table_operation *operation, s64 status)
{
	panic("Ringfold refuses a page-table operation: %lld; operation %u count %u address %llx value %llx mask %llx\n",
	      status, operation->operation, operation->count, operation->address, operation->value, operation->mask);
}

static struct ringfold_page_table_operation *queue(void)
{
	return ringfold_call_buffer_at(RINGFOLD_BATCH_OFFSET);
}

/* Until one is refused. Returns how many were done, and why not more. */
static struct ringfold_hypercall_result issue_until_refused(void)
{
	const unsigned int count = this_cpu_read(queued);
	struct ringfold_hypercall_result result = { 0 };
	unsigned int done = 0;

	while (done < count && (result.status == 0 || result.status == -RINGFOLD_EAGAIN)) {
		result = ringfold_page_table_batch(
			RINGFOLD_BATCH_OFFSET + done * sizeof(struct ringfold_page_table_operation), count - done);
		done += result.value;
	}
	this_cpu_write(queued, 0);
	this_cpu_inc(issues);
	return (struct ringfold_hypercall_result){ .status = done == count ? 0 : result.status, .value = done };
}

static void issue(void)
{
	const struct ringfold_hypercall_result result = issue_until_refused();

	if (result.status != 0)
		refused(&queue()[result.value], result.status);
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
	this_cpu_write(last_run.next, NULL);
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

static const void *behind(const void *entry)
{
	const void *next = entry + sizeof(u64);

	return offset_in_page(next) == 0 ? NULL : next;
}

/*
 * An interrupt may come anywhere: `issues` is looked at after the operation has become longer. If it has been issued before,
 * nobody will look at it again, and the entry is not done.
 */
bool ringfold_extend_run(const void *entry, u64 value, u64 mask)
{
	struct run *run = this_cpu_ptr(&last_run);

	if (run->next != entry || run->value != value || run->mask != mask || run->issue != this_cpu_read(issues))
		return false;
	run->operation->count++;
	barrier();
	if (run->issue != this_cpu_read(issues))
		return false;
	run->next = behind(entry);
	return true;
}

void ringfold_queue_flags(const void *entry, u64 value, u64 mask)
{
	const struct ringfold_page_table_operation operation = {
		.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
		.count = 1,
		.address = ringfold_entry_address(entry),
		.value = value,
		.mask = mask,
	};
	unsigned long flags;

	local_irq_save(flags);
	ringfold_queue(operation);
	if (this_cpu_read(queued) != 0) { /* else it was issued at once, and nothing goes on */
		*this_cpu_ptr(&last_run) = (struct run){
			.next = behind(entry),
			.value = value,
			.mask = mask,
			.operation = queue() + this_cpu_read(queued) - 1,
			.issue = this_cpu_read(issues),
		};
	}
	local_irq_restore(flags);
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

s64 ringfold_try_set(void *entry, u64 value)
{
	const struct ringfold_page_table_operation operation = {
		.operation = RINGFOLD_PAGE_TABLE_SET,
		.address = ringfold_entry_address(entry),
		.value = value,
	};
	unsigned long flags;
	s64 status;

	local_irq_save(flags);
	issue();
	append(&operation);
	status = issue_until_refused().status;
	local_irq_restore(flags);
	return status;
}

/* Before the operations of paravirt.h are set up: interrupts are off anyway. */
void __init ringfold_issue(struct ringfold_page_table_operation operation)
{
	append(&operation);
	issue();
}

void *ringfold_call_buffer_of(unsigned int cpu, unsigned long offset)
{
	return per_cpu(call_buffer, cpu) + offset;
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
