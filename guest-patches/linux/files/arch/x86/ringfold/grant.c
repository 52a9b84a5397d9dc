// SPDX-License-Identifier: GPL-2.0
/* Pages that this domain lends to others: its grant table. include/ringfold/grant.h has the protocol. */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <linux/ringfold_device.h>

#include <ringfold/grant.h>

#include "ringfold.h"

#define TABLE_PAGES 256
#define REFERENCES (TABLE_PAGES * RINGFOLD_GRANTS_PER_PAGE)
#define RETRY_INTERVAL HZ

/* A page whose grant was to end, while the other domain was still using it. */
struct waiting_page {
	struct list_head list;
	struct page *page;
	u32 reference;
	unsigned int domain;
};

static DEFINE_MUTEX(grant_lock); /* of all below */
static struct ringfold_grant_entry *table[TABLE_PAGES];
static DECLARE_BITMAP(used, REFERENCES);
static unsigned int table_limit; /* pages; 0: not asked yet */
static LIST_HEAD(waiting);
static unsigned int waiting_count;
static unsigned int promised;

static void retry_waiting(struct work_struct *work);
static DECLARE_DELAYED_WORK(retry_work, retry_waiting);

static struct ringfold_grant_entry *entry_of(u32 reference)
{
	return &table[reference / RINGFOLD_GRANTS_PER_PAGE][reference % RINGFOLD_GRANTS_PER_PAGE];
}

static int ask_limit(void)
{
	const struct ringfold_grant_info *info;
	struct ringfold_hypercall_result result;
	unsigned long flags;

	local_irq_save(flags);
	info = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	result = ringfold_grant_describe(RINGFOLD_ANSWER_OFFSET);
	if (result.status == 0)
		table_limit = min_t(u32, info->table_limit, TABLE_PAGES);
	local_irq_restore(flags);
	return result.status;
}

static int add_table_page(unsigned int index)
{
	struct ringfold_grant_entry *entries = (void *)get_zeroed_page(GFP_KERNEL);
	s64 status;

	if (entries == NULL)
		return -ENOMEM;
	do
		status = ringfold_grant_table_set(index, ringfold_machine_frame(entries)).status;
	while (status == -RINGFOLD_EAGAIN);
	if (status != 0) {
		free_page((unsigned long)entries);
		return status;
	}
	table[index] = entries;
	return 0;
}

/* Consecutive references, whose entries are there. */
static int allocate(unsigned int count, u32 *first)
{
	unsigned long found;
	unsigned int index;
	int error = table_limit == 0 ? ask_limit() : 0;

	if (error != 0)
		return error;
	found = bitmap_find_next_zero_area(used, table_limit * RINGFOLD_GRANTS_PER_PAGE, 0, count, 0);
	if (found + count > table_limit * RINGFOLD_GRANTS_PER_PAGE)
		return -ENOSPC;
	for (index = found / RINGFOLD_GRANTS_PER_PAGE; index <= (found + count - 1) / RINGFOLD_GRANTS_PER_PAGE; index++) {
		error = table[index] != NULL ? 0 : add_table_page(index);
		if (error != 0)
			return error;
	}
	bitmap_set(used, found, count);
	*first = found;
	return 0;
}

int ringfold_grant_pages(unsigned int domain, struct page *const *pages, unsigned int count, u32 *first)
{
	unsigned int index;
	int error;

	if (count == 0)
		return -EINVAL;
	mutex_lock(&grant_lock);
	error = allocate(count, first);
	for (index = 0; error == 0 && index < count; index++) {
		struct ringfold_grant_entry *entry = entry_of(*first + index);

		entry->frame = ringfold_physical_to_machine(page_to_pfn(pages[index]));
		/* The hypervisor reads the frame after it has seen this. */
		smp_store_release(&entry->control, RINGFOLD_GRANT_PERMIT | (domain << RINGFOLD_GRANT_DOMAIN_SHIFT));
	}
	mutex_unlock(&grant_lock);
	return error;
}
EXPORT_SYMBOL_GPL(ringfold_grant_pages);

/* False: the other domain uses it. The caller holds the lock. */
static bool revoke(u32 reference)
{
	u32 *control = &entry_of(reference)->control;
	u32 old;

	/* sync_: the hypervisor changes it too, and a kernel with one CPU takes other lock prefixes away. */
	do {
		old = READ_ONCE(*control);
		if (old & (RINGFOLD_GRANT_READING | RINGFOLD_GRANT_WRITING))
			return false;
	} while (sync_cmpxchg(control, old, 0) != old);
	__clear_bit(reference, used);
	return true;
}

/* The caller holds the lock. */
static void end_waiting(void)
{
	struct waiting_page *one;
	struct waiting_page *next;

	list_for_each_entry_safe(one, next, &waiting, list) {
		if (!revoke(one->reference))
			continue;
		list_del(&one->list);
		waiting_count--;
		__free_page(one->page);
		kfree(one);
	}
}

static void retry_waiting(struct work_struct *work)
{
	mutex_lock(&grant_lock);
	end_waiting();
	if (!list_empty(&waiting))
		schedule_delayed_work(&retry_work, RETRY_INTERVAL);
	mutex_unlock(&grant_lock);
}

static void let_wait(u32 reference, struct page *page)
{
	struct waiting_page *one = kmalloc(sizeof(*one), GFP_KERNEL | __GFP_NOFAIL);

	one->page = page;
	one->reference = reference;
	one->domain = READ_ONCE(entry_of(reference)->control) >> RINGFOLD_GRANT_DOMAIN_SHIFT;
	list_add_tail(&one->list, &waiting);
	waiting_count++;
}

void ringfold_end_grants(u32 first, struct page *const *pages, unsigned int count)
{
	unsigned int index;

	mutex_lock(&grant_lock);
	for (index = 0; index < count; index++) {
		if (revoke(first + index))
			__free_page(pages[index]);
		else
			let_wait(first + index, pages[index]);
	}
	if (!list_empty(&waiting))
		schedule_delayed_work(&retry_work, RETRY_INTERVAL);
	mutex_unlock(&grant_lock);
}
EXPORT_SYMBOL_GPL(ringfold_end_grants);

bool ringfold_grants_wait_for(unsigned int domain)
{
	struct waiting_page *one;
	bool found = false;

	mutex_lock(&grant_lock);
	end_waiting();
	list_for_each_entry(one, &waiting, list)
		found |= one->domain == domain;
	mutex_unlock(&grant_lock);
	return found;
}
EXPORT_SYMBOL_GPL(ringfold_grants_wait_for);

int ringfold_promise_grants(unsigned int count)
{
	unsigned int room;
	int error;

	mutex_lock(&grant_lock);
	error = table_limit == 0 ? ask_limit() : 0;
	room = table_limit * RINGFOLD_GRANTS_PER_PAGE;
	if (error == 0 && (promised + waiting_count > room || count > room - promised - waiting_count))
		error = -ENOBUFS;
	if (error == 0)
		promised += count;
	mutex_unlock(&grant_lock);
	return error;
}
EXPORT_SYMBOL_GPL(ringfold_promise_grants);

void ringfold_end_promise(unsigned int count)
{
	mutex_lock(&grant_lock);
	promised -= count;
	mutex_unlock(&grant_lock);
}
EXPORT_SYMBOL_GPL(ringfold_end_promise);

void ringfold_count_grants(unsigned int *used_count, unsigned int *waiting_pages)
{
	mutex_lock(&grant_lock);
	*used_count = bitmap_weight(used, REFERENCES);
	*waiting_pages = waiting_count;
	mutex_unlock(&grant_lock);
}
EXPORT_SYMBOL_GPL(ringfold_count_grants);
