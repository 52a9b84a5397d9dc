// SPDX-License-Identifier: GPL-2.0
/*
 * How much memory this domain has. Pages that it is to do without are allocated, so that nobody else uses them, and their
 * frames go back to the hypervisor; when it may have more, pages get frames again and are freed. Pages that the builder gave
 * no frame are of the same kind from the start.
 *
 * Whole blocks of 2 MiB come first: then the direct map's other big pages stay, and the hypervisor gets what it can give to
 * others in one piece. In the control domain a page is its frame, so it gets only those back that nobody has.
 *
 * What programs need is not given away: some memory stays available, and pages come back rather than that one is killed.
 */
#include <linux/bitmap.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/sysfs.h>
#include <linux/workqueue.h>

#include <asm/paravirt.h>
#include <asm/ringfold.h>

#include <linux/ringfold_device.h>

#include "ringfold.h"

#define BLOCK_ORDER (PMD_SHIFT - PAGE_SHIFT)
#define BLOCK_PAGES (1UL << BLOCK_ORDER)
#define FRAMES_PER_MEBIBYTE (1UL << (20 - PAGE_SHIFT))
/* Single pages at a time: so long interrupts wait. */
#define SINGLE_BATCH 64U
/* How much comes back before a program is killed for want of memory. */
#define EMERGENCY_PAGES FRAMES_PER_MEBIBYTE
/* Seconds until what could not be done is tried again: at first, and at last. */
#define FIRST_PATIENCE 1U
#define LAST_PATIENCE 32U

/* Without frames. Each is on one of two lists: alone, or as one of a block, whose first page stands for it. */
static LIST_HEAD(single_pages);
static LIST_HEAD(blocks);
static unsigned long block_count;
static unsigned long missing; /* all pages of both */
static unsigned long total_frames __ro_after_init; /* what the domain has without any of them */
static unsigned long target; /* frames */
static unsigned int patience = FIRST_PATIENCE;
/* Of all above, and the batch. Who holds it never waits for memory. */
static DEFINE_MUTEX(balloon_lock);
static struct page *batch[BLOCK_PAGES];
/* By block of 2 MiB: not all of its frames are one piece, and a page of it is kept, so that nobody takes it for a big page. */
static unsigned long *scattered_blocks __ro_after_init;

static void reach_target(struct work_struct *work);
static DECLARE_DELAYED_WORK(balloon_work, reach_target);

static unsigned long owned_frames(void)
{
	return total_frames - missing;
}

/* --- the batch: its pages, their entries in the direct map, their frames --- */

static void set_direct_entries(unsigned int first, unsigned int count, bool present)
{
	unsigned int index;

	preempt_disable();
	arch_enter_lazy_mmu_mode();
	for (index = first; index < first + count; index++) {
		pte_t *entry = ringfold_direct_entry(page_to_pfn(batch[index]));

		/* An entry that stays makes the hypervisor refuse the frame. */
		if (entry != NULL)
			set_pte(entry, present ? pfn_pte(page_to_pfn(batch[index]), PAGE_KERNEL) : __pte(0));
	}
	arch_leave_lazy_mmu_mode();
	preempt_enable();
}

/* Frames of the batch's pages from `first` on go to the hypervisor, until one is refused. Returns how many. */
static unsigned int release_frames(unsigned int first, unsigned int count)
{
	struct ringfold_hypercall_result result;
	unsigned int done = 0;
	unsigned int index;
	unsigned long flags;
	u64 *frames;

	BUILD_BUG_ON(BLOCK_PAGES * sizeof(*frames) > PAGE_SIZE);
	local_irq_save(flags);
	frames = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	for (index = 0; index < count; index++)
		frames[index] = ringfold_physical_to_machine(page_to_pfn(batch[first + index]));
	do {
		result = ringfold_memory_release(RINGFOLD_ANSWER_OFFSET + done * sizeof(*frames), count - done);
		done += result.value;
	} while (result.status == -RINGFOLD_EAGAIN);
	local_irq_restore(flags);
	return done;
}

static struct ringfold_hypercall_result populate(u64 offset, unsigned int count, unsigned int order)
{
	return ringfold_control_domain ? ringfold_memory_populate_at(offset, count, order) :
					 ringfold_memory_populate(offset, count, order);
}

/* Frames for the batch's pages: `count` times 2^order. Those that got none stay without. */
static void populate_frames(unsigned int count, unsigned int order)
{
	struct ringfold_hypercall_result result;
	unsigned int done = 0;
	unsigned int index;
	unsigned long flags;
	u64 *frames;

	local_irq_save(flags);
	frames = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	for (index = 0; index < count; index++)
		frames[index] = page_to_pfn(batch[index << order]);
	do {
		result = populate(RINGFOLD_ANSWER_OFFSET + done * sizeof(*frames), count - done, order);
		done += result.value;
	} while (result.status == -RINGFOLD_EAGAIN);
	for (index = 0; index < count << order; index++) {
		const u64 frame = index >> order < done ? frames[index >> order] : RINGFOLD_NO_FRAME;
		const bool has_one = frame != RINGFOLD_NO_FRAME;

		if (has_one)
			ringfold_set_machine_frame(page_to_pfn(batch[index]), frame + (index & ((1U << order) - 1)));
		else
			batch[index] = NULL;
	}
	local_irq_restore(flags);
}

/* --- less memory --- */

static void note_missing(struct page *page)
{
	ringfold_set_machine_frame(page_to_pfn(page), RINGFOLD_NO_FRAME);
	__SetPageOffline(page);
	adjust_managed_page_count(page, -1);
	missing++;
}

/*
 * The frames of the batch, which nobody else uses. What the hypervisor refuses has a use that is not the direct map's: a
 * page that was the kernel's own before it was freed is mapped a second time. Such pages go to `refused`.
 */
static void give_away(unsigned int count, struct list_head *refused)
{
	const bool block = count == BLOCK_PAGES;
	unsigned int done = 0;
	unsigned int given = 0;

	set_direct_entries(0, count, false);
	while (done < count) {
		const unsigned int released = release_frames(done, count - done);
		unsigned int index;

		for (index = done; index < done + released; index++) {
			note_missing(batch[index]);
			if (!block)
				list_add(&batch[index]->lru, &single_pages);
		}
		given += released;
		done += released;
		if (done < count) {
			set_direct_entries(done, 1, true);
			list_add(&batch[done]->lru, refused);
			batch[done++] = NULL;
		}
	}
	if (block && given == count) {
		list_add(&batch[0]->lru, &blocks);
		block_count++;
	} else if (block) {
		for (done = 0; done < count; done++) {
			if (batch[done] != NULL)
				list_add(&batch[done]->lru, &single_pages);
		}
	}
}

/* So much stays available to programs. */
static bool can_spare(unsigned long count)
{
	const unsigned long reserve = clamp(totalram_pages() / 16, 4 * FRAMES_PER_MEBIBYTE, 64 * FRAMES_PER_MEBIBYTE);

	return si_mem_available() > (long)(reserve + count);
}

/* Whole, or not at all; nothing is reclaimed for it. */
static bool allocate_block(void)
{
	const gfp_t flags = (GFP_HIGHUSER & ~__GFP_RECLAIM) | __GFP_NOWARN | __GFP_NOMEMALLOC;
	struct page *first = can_spare(BLOCK_PAGES) ? alloc_pages(flags, BLOCK_ORDER) : NULL;
	unsigned long index;

	if (first == NULL)
		return false;
	split_page(first, BLOCK_ORDER);
	mutex_lock(&balloon_lock);
	for (index = 0; index < BLOCK_PAGES; index++)
		batch[index] = first + index;
	return true;
}

/* Returns how many there are in the batch. */
static unsigned int allocate_pages(unsigned int wanted)
{
	const gfp_t flags = GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC;
	unsigned int count = 0;
	struct page *page;
	struct page *next;
	LIST_HEAD(allocated);

	for (; count < wanted && can_spare(1); count++) {
		page = alloc_page(flags);
		if (page == NULL)
			break;
		list_add(&page->lru, &allocated);
	}
	mutex_lock(&balloon_lock);
	count = 0;
	list_for_each_entry_safe(page, next, &allocated, lru)
		batch[count++] = page;
	return count;
}

static bool shrink_once(unsigned long excess, struct list_head *refused)
{
	unsigned int count = BLOCK_PAGES;

	if (excess < BLOCK_PAGES || !allocate_block())
		count = allocate_pages(min_t(unsigned long, excess, SINGLE_BATCH));
	give_away(count, refused);
	mutex_unlock(&balloon_lock);
	return count != 0;
}

/* --- more memory --- */

static bool must_be_kept(const struct page *page)
{
	const unsigned long pfn = page_to_pfn(page);

	return !ringfold_control_domain && !ringfold_fits_its_block(pfn) &&
	       !test_and_set_bit(pfn / BLOCK_PAGES, scattered_blocks);
}

/* The batch's pages that have frames are freed; the others are missing as before. Returns how many have. */
static unsigned int take_in(unsigned int count)
{
	unsigned int kept = 0;
	unsigned int index;

	for (index = 0; index < count; index++) {
		if (batch[index] != NULL)
			batch[kept++] = batch[index];
	}
	set_direct_entries(0, kept, true);
	if (kept == BLOCK_PAGES)
		ringfold_join_big_page(page_to_pfn(batch[0]));
	for (index = 0; index < kept; index++) {
		__ClearPageOffline(batch[index]);
		adjust_managed_page_count(batch[index], 1);
		missing--;
		if (!must_be_kept(batch[index]))
			__free_page(batch[index]);
	}
	return kept;
}

/* A block's pages are single ones from now on. */
static void break_up_block(void)
{
	struct page *first = list_first_entry(&blocks, struct page, lru);
	unsigned long index;

	list_del(&first->lru);
	block_count--;
	for (index = 0; index < BLOCK_PAGES; index++)
		list_add(&(first + index)->lru, &single_pages);
}

static unsigned int take_block(struct page *first)
{
	unsigned long index;

	for (index = 0; index < BLOCK_PAGES; index++)
		batch[index] = first + index;
	populate_frames(1, BLOCK_ORDER);
	if (batch[0] == NULL)
		return 0;
	list_del(&first->lru);
	block_count--;
	return take_in(BLOCK_PAGES);
}

/* Those that get no frame go behind all others. */
static unsigned int take_pages(unsigned int wanted)
{
	unsigned int count = 0;
	unsigned int index;
	struct page *page;
	struct page *next;
	LIST_HEAD(asked);

	list_for_each_entry_safe(page, next, &single_pages, lru) {
		if (count == wanted)
			break;
		list_move_tail(&page->lru, &asked);
		batch[count++] = page;
	}
	populate_frames(count, 0);
	for (index = 0; index < count; index++) {
		if (batch[index] != NULL)
			list_del(&batch[index]->lru);
	}
	list_splice_tail(&asked, &single_pages);
	return take_in(count);
}

/*
 * If one block or page gets no frame, no other one does; but in the control domain each waits for its own: all of them are
 * tried there.
 */
static unsigned int take_any_block(void)
{
	struct page *first;
	struct page *next;

	list_for_each_entry_safe(first, next, &blocks, lru) {
		const unsigned int taken = take_block(first);

		if (taken != 0 || !ringfold_control_domain)
			return taken;
	}
	return 0;
}

static unsigned int take_any_pages(unsigned int wanted)
{
	unsigned long left = missing - block_count * BLOCK_PAGES;

	while (left != 0) {
		const unsigned int asked = min_t(unsigned long, wanted, left);
		const unsigned int taken = take_pages(asked);

		if (taken != 0 || !ringfold_control_domain)
			return taken;
		left -= asked;
	}
	return 0;
}

/* Up to so many pages get frames. Returns how many did; 0: none can. The lock is held. */
static unsigned int take_some(unsigned long lacking)
{
	const unsigned int wanted = min_t(unsigned long, lacking, SINGLE_BATCH);
	unsigned int taken = lacking >= BLOCK_PAGES ? take_any_block() : 0;

	if (taken == 0)
		taken = take_any_pages(wanted);
	while (taken == 0 && !list_empty(&blocks)) {
		break_up_block();
		taken = take_pages(wanted);
		if (!ringfold_control_domain)
			break;
	}
	return taken;
}

/* --- the target --- */

static bool grow_once(void)
{
	unsigned int taken = 0;

	mutex_lock(&balloon_lock);
	if (owned_frames() < target)
		taken = take_some(target - owned_frames());
	mutex_unlock(&balloon_lock);
	return taken != 0;
}

static void reach_target(struct work_struct *work)
{
	bool gets_on = true;
	struct page *page;
	struct page *next;
	LIST_HEAD(refused);

	while (gets_on && READ_ONCE(target) != owned_frames()) {
		const unsigned long wanted = READ_ONCE(target);
		const unsigned long owned = owned_frames();

		gets_on = owned > wanted ? shrink_once(owned - wanted, &refused) : grow_once();
		cond_resched();
	}
	/* Only now: they would be the next to be allocated again. */
	list_for_each_entry_safe(page, next, &refused, lru)
		__free_page(page);
	mutex_lock(&balloon_lock);
	if (target != owned_frames()) {
		queue_delayed_work(system_unbound_wq, &balloon_work, patience * HZ);
		patience = min(2 * patience, LAST_PATIENCE);
	}
	mutex_unlock(&balloon_lock);
}

static int set_target(unsigned long frames)
{
	if (frames == 0 || frames > total_frames)
		return -ERANGE;
	mutex_lock(&balloon_lock);
	target = frames;
	patience = FIRST_PATIENCE;
	mutex_unlock(&balloon_lock);
	mod_delayed_work(system_unbound_wq, &balloon_work, 0);
	return 0;
}

int ringfold_set_memory_target(u32 mebibytes)
{
	return set_target(mebibytes * FRAMES_PER_MEBIBYTE);
}

/* Rather than that a program is killed. The target stays: it is tried again when there is more to spare. */
static int relieve(struct notifier_block *block, unsigned long unused, void *freed)
{
	unsigned int taken = 0;

	mutex_lock(&balloon_lock);
	while (missing != 0 && taken < EMERGENCY_PAGES) {
		const unsigned int some = take_some(min_t(unsigned long, missing, SINGLE_BATCH));

		if (some == 0)
			break;
		taken += some;
	}
	patience = LAST_PATIENCE;
	mutex_unlock(&balloon_lock);
	if (taken != 0) {
		pr_info_ratelimited("ringfold: took %u pages back, out of memory\n", taken);
		queue_delayed_work(system_unbound_wq, &balloon_work, LAST_PATIENCE * HZ);
	}
	*(unsigned long *)freed += taken;
	return NOTIFY_OK;
}

static struct notifier_block out_of_memory_block = {
	.notifier_call = relieve,
};

/* --- /sys/hypervisor: KiB --- */

static ssize_t memory_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%lu\n", owned_frames() << (PAGE_SHIFT - 10));
}
static struct kobj_attribute memory_attribute = __ATTR_RO(memory);

static ssize_t memory_maximum_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%lu\n", total_frames << (PAGE_SHIFT - 10));
}
static struct kobj_attribute memory_maximum_attribute = __ATTR_RO(memory_maximum);

static ssize_t memory_target_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%lu\n", READ_ONCE(target) << (PAGE_SHIFT - 10));
}

static ssize_t memory_target_store(struct kobject *object, struct kobj_attribute *attribute, const char *text, size_t size)
{
	unsigned long kibibytes;
	int error = kstrtoul(text, 10, &kibibytes) ?: set_target(kibibytes >> (PAGE_SHIFT - 10));

	return error ?: size;
}
static struct kobj_attribute memory_target_attribute = __ATTR_RW(memory_target);

/* --- the beginning --- */

/* Pages that the builder gave no frame: reserved, and not counted as memory, so far. */
static void __init find_missing(unsigned long pfn)
{
	while (pfn < total_frames) {
		const bool block = IS_ALIGNED(pfn, BLOCK_PAGES) && total_frames - pfn >= BLOCK_PAGES;
		const unsigned long count = block ? BLOCK_PAGES : 1;
		unsigned long index;

		for (index = 0; index < count; index++) {
			ClearPageReserved(pfn_to_page(pfn + index));
			__SetPageOffline(pfn_to_page(pfn + index));
		}
		list_add_tail(&pfn_to_page(pfn)->lru, block ? &blocks : &single_pages);
		block_count += block;
		missing += count;
		pfn += count;
	}
}

/* Before the first order can come. */
static int __init ringfold_init_balloon(void)
{
	static const struct attribute *const attributes[] = {
		&memory_attribute.attr, &memory_maximum_attribute.attr, &memory_target_attribute.attr, NULL,
	};

	if (!ringfold_domain)
		return 0;
	total_frames = ringfold_start_info->frame_count;
	scattered_blocks = bitmap_zalloc(DIV_ROUND_UP(total_frames, BLOCK_PAGES), GFP_KERNEL);
	if (scattered_blocks == NULL)
		return -ENOMEM;
	find_missing(ringfold_control_domain ? total_frames : ringfold_backed_frames());
	target = owned_frames();
	(void)register_oom_notifier(&out_of_memory_block); /* it has no way to fail */
	return sysfs_create_files(hypervisor_kobj, attributes);
}
arch_initcall(ringfold_init_balloon);
