// SPDX-License-Identifier: GPL-2.0
/*
 * 2 MiB pages: those of the direct map and of the image, and whether programs may have some.
 *
 * The direct map begins with small pages, like the builder's tables that it comes from. Once the kernel is up, each 2 MiB of
 * memory that are in one piece for the hypervisor, too, and of which no page is a page table, are mapped by one entry instead.
 *
 * That entry makes all of the memory writable, so that no page of it can become a page table: the first one that is to,
 * splits it, and so does whoever wants other rights for a part of it. Linux takes page tables out of blocks of 2 MiB for what
 * cannot be moved; those are soon split, and the others stay as they are. The table of small pages is kept for that, with its
 * contents: splitting allocates nothing and cannot fail.
 *
 * What of the image has the same rights from end to end is mapped big once they are what they stay.
 */
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/processor.h>
#include <linux/stop_machine.h>
#include <linux/sysfs.h>
#include <linux/vmalloc.h>

#include <asm/paravirt.h>
#include <asm/ringfold.h>
#include <asm/sections.h>
#include <asm/tlbflush.h>

#include "ringfold.h"

#define BLOCK_PAGES ((unsigned long)PTRS_PER_PTE)

/* By block of 2 MiB: the entry that named its table, if it is or was mapped big. */
static u64 *small_tables __ro_after_init;
static unsigned long blocks __ro_after_init;
/* The same of the image. */
static u64 image_tables[KERNEL_IMAGE_SIZE / PMD_SIZE];

/* The second-level entry of a block; NULL: the direct map does not reach there. */
static pmd_t *direct_pmd(unsigned long block)
{
	return lookup_pmd_address((unsigned long)__va(PFN_PHYS(block * BLOCK_PAGES)));
}

/*
 * Within a batch, it may be asked for again while the entry still is what it was: that does no harm, as it is the same
 * operation. Returns the table's entry for the page; NULL: it is not mapped by a big page that was made here.
 */
pte_t *ringfold_split_big_page(unsigned long pfn)
{
	const unsigned long block = pfn / BLOCK_PAGES;

	if (block >= blocks || small_tables[block] == 0)
		return NULL;
	ringfold_queue_set(direct_pmd(block), small_tables[block]);
	return (pte_t *)__va(PFN_PHYS(ringfold_named_frame(small_tables[block]))) + pfn % BLOCK_PAGES;
}

static u64 *image_table(unsigned long address)
{
	return &image_tables[(address - __START_KERNEL_map) / PMD_SIZE];
}

static bool split_image(unsigned long address)
{
	const u64 table = *image_table(address);

	if (table != 0)
		ringfold_queue_set(lookup_pmd_address(address), table);
	return table != 0;
}

bool ringfold_split_kernel(unsigned long address)
{
	const bool in_image = address - __START_KERNEL_map < KERNEL_IMAGE_SIZE;

	if (in_image ? !split_image(address) :
		       !virt_addr_valid(address) || ringfold_split_big_page(PFN_DOWN(__pa(address))) == NULL)
		return false;
	ringfold_flush_queue();
	return true;
}

/* The entry for all that a table of small pages maps; 0: it must stay. */
static u64 big_entry(const u64 *entries)
{
	const u64 status = _PAGE_ACCESSED | _PAGE_DIRTY;
	const u64 first = entries[0] | status;
	unsigned long index;

	if ((first & (_PAGE_PRESENT | _PAGE_PSE)) != _PAGE_PRESENT || ((first & PTE_PFN_MASK) & ~PMD_MASK) != 0)
		return 0;
	for (index = 1; index < BLOCK_PAGES; index++) {
		if ((entries[index] | status) != first + index * PAGE_SIZE)
			return 0;
	}
	return first | _PAGE_PSE;
}

static bool try_big_page(pmd_t *pmd, u64 *small_table)
{
	u64 old, big;

	if (pmd == NULL || pmd_none(*pmd) || pmd_large(*pmd))
		return false;
	old = native_pmd_val(*pmd); /* a machine frame */
	big = big_entry(__va(PFN_PHYS(ringfold_named_frame(old))));
	/* The hypervisor refuses what is not wholly this domain's, and what may be executed where the processor cannot bear it. */
	if (big == 0 || ringfold_try_set(pmd, big) != 0)
		return false;
	*small_table = old;
	return true;
}

void ringfold_join_big_page(unsigned long pfn)
{
	const unsigned long block = pfn / BLOCK_PAGES;

	if (block < blocks)
		try_big_page(direct_pmd(block), &small_tables[block]);
}

/* Parts of it get other rights soon. */
static bool __init in_image(unsigned long block)
{
	return block >= __pa_symbol(_text) / PMD_SIZE && block <= (__pa_symbol(_end) - 1) / PMD_SIZE;
}

/* Nobody else runs: no page becomes a page table meanwhile. */
static int __init use_big_pages(void *unused)
{
	unsigned long block, done = 0;

	for (block = 0; block < blocks; block++)
		done += !in_image(block) && try_big_page(direct_pmd(block), &small_tables[block]);
	pr_info("Ringfold: %lu MiB of memory are mapped by 2 MiB pages\n", done * (PMD_SIZE >> 20));
	return 0;
}

void ringfold_image_is_sealed(void)
{
	unsigned long address, done = 0;

	if (!ringfold_domain)
		return;
	for (address = (unsigned long)_text & PMD_MASK; address < (unsigned long)__end_rodata; address += PMD_SIZE)
		done += try_big_page(lookup_pmd_address(address), image_table(address));
	flush_tlb_all();
	pr_info("Ringfold: %lu MiB of the kernel are mapped by 2 MiB pages\n", done * (PMD_SIZE >> 20));
}

static ssize_t big_pages_show(struct kobject *object, struct kobj_attribute *attribute, char *text)
{
	unsigned long block, count = 0;

	for (block = 0; block < blocks; block++)
		count += small_tables[block] != 0 && pmd_large(*direct_pmd(block));
	return sysfs_emit(text, "%lu\n", count);
}
static struct kobj_attribute big_pages_attribute = __ATTR_RO(big_pages);

static int __init ringfold_init_big_pages(void)
{
	if (!ringfold_domain)
		return 0;
	small_tables = vzalloc(array_size(max_pfn / BLOCK_PAGES, sizeof(*small_tables)));
	if (small_tables == NULL)
		return -ENOMEM;
	blocks = max_pfn / BLOCK_PAGES;
	stop_machine(use_big_pages, NULL, NULL);
	return sysfs_create_file(hypervisor_kobj, &big_pages_attribute.attr);
}
late_initcall(ringfold_init_big_pages);

/*
 * Programs get them, too: after the direct map and the map of pages were made of small ones, and before anybody asks. Not where
 * the processor cannot bear that they are executed: which pages are to be is decided page by page.
 */
static int __init ringfold_offer_big_pages(void)
{
	unsigned int cpu;

	if (!ringfold_domain || !(ringfold_start_info->flags & RINGFOLD_START_BIG_EXECUTABLE))
		return 0;
	setup_force_cpu_cap(X86_FEATURE_PSE);
	for_each_online_cpu(cpu)
		set_cpu_cap(&cpu_data(cpu), X86_FEATURE_PSE);
	return 0;
}
arch_initcall(ringfold_offer_big_pages);
