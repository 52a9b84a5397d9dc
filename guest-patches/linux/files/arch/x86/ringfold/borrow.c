// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that this domain borrows from others. They have no struct page and no pseudo-physical frame: they are reached
 * through a range of virtual addresses of their own, whose entries name machine frames as they are.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include <linux/ringfold_device.h>

#include <ringfold/grant.h>

#include "ringfold.h"

/* As many as an answer has room for: interrupts are off meanwhile. */
#define MAP_BATCH (PAGE_SIZE / sizeof(struct ringfold_grant_map_element))
#define UNMAP_BATCH (PAGE_SIZE / sizeof(struct ringfold_grant_unmap_element))

typedef struct ringfold_hypercall_result (*grant_call)(u64 offset, u64 count);

/* In the elements of the call buffer, from the first one to the last one. */
static int call_batch(grant_call call, size_t element_size, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		struct ringfold_hypercall_result result =
			call(RINGFOLD_ANSWER_OFFSET + done * element_size, count - done);

		if (result.status != 0 && result.status != -RINGFOLD_EAGAIN)
			return result.status;
		done += result.value;
	}
	return 0;
}

static struct ringfold_hypercall_result map_call(u64 offset, u64 count)
{
	return ringfold_grant_map(offset, count);
}

static struct ringfold_hypercall_result unmap_call(u64 offset, u64 count)
{
	return ringfold_grant_unmap(offset, count);
}

/* Rights to map; a handle of 0 is none. */
static int take_rights(unsigned int domain, u32 first, unsigned int count, u64 *frames, u32 *handles)
{
	struct ringfold_grant_map_element *elements;
	unsigned long flags;
	unsigned int index;
	int error;

	local_irq_save(flags);
	elements = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	for (index = 0; index < count; index++)
		elements[index] = (struct ringfold_grant_map_element){ .domain = domain, .reference = first + index };
	error = call_batch(map_call, sizeof(*elements), count);
	for (index = 0; index < count; index++) {
		frames[index] = elements[index].frame;
		handles[index] = elements[index].handle;
		if (error == 0)
			error = elements[index].status;
	}
	local_irq_restore(flags);
	return error;
}

static void give_rights(const u32 *handles, unsigned int count)
{
	struct ringfold_grant_unmap_element *elements;
	unsigned int given = 0;
	unsigned long flags;
	unsigned int index;
	int error;

	local_irq_save(flags);
	elements = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	for (index = 0; index < count; index++) {
		if (handles[index] != 0)
			elements[given++] = (struct ringfold_grant_unmap_element){ .handle = handles[index] };
	}
	error = call_batch(unmap_call, sizeof(*elements), given);
	for (index = 0; index < given && error == 0; index++)
		error = elements[index].status;
	local_irq_restore(flags);
	WARN_ONCE(error != 0, "Ringfold keeps a borrowed page: %d\n", error);
}

static void give_all_rights(const struct ringfold_borrowed *borrowed)
{
	unsigned int done;

	for (done = 0; done < borrowed->count; done += UNMAP_BATCH)
		give_rights(borrowed->handles + done, min_t(unsigned int, borrowed->count - done, UNMAP_BATCH));
}

static int set_foreign_entry(pte_t *entry, unsigned long address, void *data)
{
	const u64 **frame = data;

	set_pte(entry, native_make_pte((**frame << PAGE_SHIFT) | pgprot_val(PAGE_KERNEL)));
	(*frame)++;
	return 0;
}

static int map_frames(struct ringfold_borrowed *borrowed, const u64 *frames)
{
	const unsigned long size = borrowed->count * PAGE_SIZE;

	borrowed->area = get_vm_area(size, VM_IOREMAP);
	if (borrowed->area == NULL)
		return -ENOMEM;
	borrowed->address = borrowed->area->addr;
	return apply_to_page_range(&init_mm, (unsigned long)borrowed->address, size, set_foreign_entry, &frames);
}

static int borrow_all(unsigned int domain, u32 first, struct ringfold_borrowed *borrowed, u64 *frames)
{
	unsigned int done;
	int error = 0;

	for (done = 0; done < borrowed->count && error == 0; done += MAP_BATCH)
		error = take_rights(domain, first + done, min_t(unsigned int, borrowed->count - done, MAP_BATCH), frames + done,
				    borrowed->handles + done);
	return error ?: map_frames(borrowed, frames);
}

int ringfold_borrow(unsigned int domain, u32 first, unsigned int count, struct ringfold_borrowed *borrowed)
{
	u64 *frames = kvcalloc(count, sizeof(*frames), GFP_KERNEL);
	int error = -ENOMEM;

	*borrowed = (struct ringfold_borrowed){ .count = count };
	borrowed->handles = kvcalloc(count, sizeof(*borrowed->handles), GFP_KERNEL);
	if (frames != NULL && borrowed->handles != NULL)
		error = borrow_all(domain, first, borrowed, frames);
	if (error != 0)
		ringfold_give_back(borrowed);
	kvfree(frames);
	return error;
}
EXPORT_SYMBOL_GPL(ringfold_borrow);

void ringfold_give_back(struct ringfold_borrowed *borrowed)
{
	if (borrowed->area != NULL) {
		unsigned long begin = (unsigned long)borrowed->address;

		/* Not later, as it would be with the area: rights are given up only without an entry that needs them. */
		vunmap_range(begin, begin + borrowed->count * PAGE_SIZE);
		free_vm_area(borrowed->area);
	}
	if (borrowed->handles != NULL)
		give_all_rights(borrowed);
	kvfree(borrowed->handles);
	*borrowed = (struct ringfold_borrowed){};
}
EXPORT_SYMBOL_GPL(ringfold_give_back);
