// SPDX-License-Identifier: GPL-2.0
/* The page tables that the builder made, and how the kernel's own take their place. */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include <asm/fixmap.h>
#include <asm/paravirt.h>
#include <asm/ringfold.h>
#include <asm/sections.h>

#include "ringfold.h"

static u64 table_entry(const void *table, u64 flags)
{
	return ((u64)ringfold_machine_frame(table) << PAGE_SHIFT) | flags;
}

/* A page table of the builder's, through the builder's mapping of all of them. */
static u64 *__init builders_page(unsigned long pfn)
{
	return (u64 *)(__START_KERNEL_map + PFN_PHYS(pfn) - phys_base);
}

static u64 *__init builders_table(u64 entry)
{
	return builders_page(ringfold_named_frame(entry));
}

/* The builder's second level below the kernel's address: one table, for 1 GiB from the first frame. */
static u64 *__init builders_l2(void)
{
	u64 *l4 = builders_page(ringfold_start_info->page_tables);
	u64 *l3 = builders_table(l4[pgd_index(__START_KERNEL_map)]);

	return builders_table(l3[pud_index(__START_KERNEL_map)]);
}

/* The builder's entry for a page of the image. */
static u64 *__init builders_entry(unsigned long address)
{
	return &builders_table(builders_l2()[pmd_index(address)])[pte_index(address)];
}

/*
 * The kernel's own tables take the place of the builder's upper levels. The builder mapped memory once, at the kernel's
 * address; its lowest tables now serve the direct map as well. The caller loads the new root.
 */
void __init ringfold_take_over_tables(void)
{
	const unsigned long direct = (unsigned long)__va(phys_base);
	void *const tables[] = { init_top_pgt, level3_ident_pgt, level2_ident_pgt, level3_kernel_pgt,
				 level2_kernel_pgt, level2_fixmap_pgt };
	unsigned int index;

	for (index = 0; index < ARRAY_SIZE(tables); index++)
		clear_page(tables[index]);
	memset(level1_fixmap_pgt, 0, FIXMAP_PMD_NUM * PAGE_SIZE);

	((u64 *)init_top_pgt)[pgd_index(__PAGE_OFFSET)] = table_entry(level3_ident_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)init_top_pgt)[pgd_index(__START_KERNEL_map)] = table_entry(level3_kernel_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_ident_pgt)[pud_index(direct)] = table_entry(level2_ident_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_kernel_pgt)[pud_index(__START_KERNEL_map)] = table_entry(level2_kernel_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_kernel_pgt)[511] = table_entry(level2_fixmap_pgt, _PAGE_TABLE_NOENC);
	/* What is mapped lies within one GiB of physical memory. */
	memcpy((u64 *)level2_ident_pgt + pmd_index(direct), builders_l2(), (PTRS_PER_PMD - pmd_index(direct)) * sizeof(u64));
	memcpy(level2_kernel_pgt, builders_l2(), PAGE_SIZE);
	for (index = 0; index < FIXMAP_PMD_NUM; index++)
		((u64 *)level2_fixmap_pgt)[512 - 4 - FIXMAP_PMD_NUM + index] =
			table_entry((char *)level1_fixmap_pgt + index * PAGE_SIZE, _PAGE_TABLE_NOENC);

	/* All of them read-only; the builder's lowest tables are still the ones that map them. */
	for (index = 0; index < ARRAY_SIZE(tables) + FIXMAP_PMD_NUM; index++) {
		void *table = index < ARRAY_SIZE(tables) ?
				      tables[index] :
				      (char *)level1_fixmap_pgt + (index - ARRAY_SIZE(tables)) * PAGE_SIZE;
		u64 *entry = builders_entry((unsigned long)table);

		ringfold_queue_set(entry, *entry & ~(u64)_PAGE_RW);
	}
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_PIN,
		.count = 4,
		.address = ringfold_machine_frame(init_top_pgt),
	});
}

/*
 * Text is patched in place until it is sealed, and so is what is read-only after the start. First of all: until then
 * nothing of that may be written.
 */
void __init ringfold_open_image(void)
{
	const unsigned long end = (unsigned long)__end_rodata;
	unsigned long address = (unsigned long)_text;

	while (address < end) {
		unsigned long pages = min(PTRS_PER_PTE - pte_index(address), PFN_UP(end - address));

		ringfold_issue((struct ringfold_page_table_operation){
			.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
			.count = pages,
			.address = ringfold_entry_address(builders_entry(address)),
			.value = _PAGE_RW,
			.mask = _PAGE_RW,
		});
		address += pages * PAGE_SIZE;
	}
	(void)ringfold_hypercall(RINGFOLD_GATE_FLUSH, 0, 0, 0, 0, 0, 0);
}
