// SPDX-License-Identifier: GPL-2.0
/*
 * Frames on Ringfold: entries of page tables name machine frames, the kernel counts in pseudo-physical ones. In the
 * control domain they are the same.
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>

#include <asm/e820/api.h>
#include <asm/paravirt.h>
#include <asm/ringfold.h>
#include <asm/sections.h>

#include "ringfold.h"

#define NO_FRAME RINGFOLD_NO_FRAME
#define MACHINE_TO_PHYSICAL ((const u64 *)RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS)

/* Set before what is read-only after the start can be written. */
static u64 *physical_to_machine __read_mostly; /* NULL: a frame is its own machine frame */
static unsigned long frame_count __read_mostly;
static unsigned long first_free_frame __initdata;

unsigned long ringfold_physical_to_machine(unsigned long pfn)
{
	if (physical_to_machine == NULL)
		return pfn;
	return pfn < frame_count ? READ_ONCE(physical_to_machine[pfn]) : NO_FRAME;
}

void ringfold_set_machine_frame(unsigned long pfn, unsigned long machine_frame)
{
	if (physical_to_machine != NULL)
		WRITE_ONCE(physical_to_machine[pfn], machine_frame);
}

unsigned long ringfold_machine_to_physical(unsigned long machine_frame)
{
	unsigned long pfn;

	if (physical_to_machine == NULL)
		return machine_frame;
	pfn = MACHINE_TO_PHYSICAL[machine_frame];
	return ringfold_physical_to_machine(pfn) == machine_frame ? pfn : NO_FRAME;
}

unsigned long ringfold_machine_frame(const void *address)
{
	return ringfold_physical_to_machine(PFN_DOWN(__pa(address)));
}

/* The pseudo-physical frame that a present entry names. */
unsigned long ringfold_named_frame(u64 entry)
{
	return ringfold_machine_to_physical((entry & PTE_PFN_MASK) >> PAGE_SHIFT);
}

/* Only present entries name machine frames. One that is not the domain's reads as a frame past all memory. */
static u64 entry_to_physical(u64 value)
{
	if (!(value & _PAGE_PRESENT))
		return value;
	return (value & ~PTE_PFN_MASK) | ((ringfold_named_frame(value) << PAGE_SHIFT) & PTE_PFN_MASK);
}

static u64 entry_to_machine(u64 value)
{
	unsigned long machine;

	if (!(value & _PAGE_PRESENT))
		return value;
	machine = ringfold_physical_to_machine((value & PTE_PFN_MASK) >> PAGE_SHIFT);
	if (machine == NO_FRAME)
		return 0;
	return (value & ~PTE_PFN_MASK) | ((u64)machine << PAGE_SHIFT);
}

/* What pte_val() and make_pte() are here, and their likes of the other levels. */
#define DEFINE_CONVERSIONS(table)						\
__visible table##val_t ringfold_##table##_val(table##_t entry)		\
{										\
	return entry_to_physical(native_##table##_val(entry));			\
}										\
PV_CALLEE_SAVE_REGS_THUNK(ringfold_##table##_val);				\
__visible table##_t ringfold_make_##table(table##val_t value)			\
{										\
	return native_make_##table(entry_to_machine(value));			\
}										\
PV_CALLEE_SAVE_REGS_THUNK(ringfold_make_##table)

DEFINE_CONVERSIONS(pte);
DEFINE_CONVERSIONS(pmd);
DEFINE_CONVERSIONS(pud);
DEFINE_CONVERSIONS(pgd);

void __init ringfold_init_frames(void)
{
	physical_to_machine = (u64 *)ringfold_start_info->physical_to_machine;
	frame_count = ringfold_start_info->frame_count;
	first_free_frame = ringfold_start_info->first_free_frame;
}

/* After the direct map is there. */
void __init ringfold_use_frames(void)
{
	if (physical_to_machine == NULL)
		return; /* entries are what they look like */
	physical_to_machine = __va(__pa(physical_to_machine));
	pv_ops.mmu.pte_val = PV_CALLEE_SAVE(ringfold_pte_val);
	pv_ops.mmu.make_pte = PV_CALLEE_SAVE(ringfold_make_pte);
	pv_ops.mmu.pmd_val = PV_CALLEE_SAVE(ringfold_pmd_val);
	pv_ops.mmu.make_pmd = PV_CALLEE_SAVE(ringfold_make_pmd);
	pv_ops.mmu.pud_val = PV_CALLEE_SAVE(ringfold_pud_val);
	pv_ops.mmu.make_pud = PV_CALLEE_SAVE(ringfold_make_pud);
	pv_ops.mmu.pgd_val = PV_CALLEE_SAVE(ringfold_pgd_val);
	pv_ops.mmu.make_pgd = PV_CALLEE_SAVE(ringfold_make_pgd);
}

static enum e820_type __init type_of(const struct ringfold_machine_range *range)
{
	switch (range->type) {
	case RINGFOLD_MEMORY_ACPI_TABLES:
		return E820_TYPE_ACPI;
	case RINGFOLD_MEMORY_ACPI_STORAGE:
		return E820_TYPE_NVS;
	case RINGFOLD_MEMORY_DEFECTIVE:
		return E820_TYPE_UNUSABLE;
	default:
		return E820_TYPE_RESERVED; /* RAM of others, too */
	}
}

bool ringfold_fits_its_block(unsigned long pfn)
{
	const unsigned long first = round_down(pfn, PTRS_PER_PTE);
	const unsigned long piece = ringfold_physical_to_machine(pfn) - (pfn - first);
	unsigned long index;

	for (index = 0; index < PTRS_PER_PTE; index++) {
		const unsigned long frame = ringfold_physical_to_machine(first + index);

		if (frame != NO_FRAME && frame != piece + index)
			return false;
	}
	return IS_ALIGNED(piece, PTRS_PER_PTE);
}

/*
 * What Linux takes for a big page must be one for the machine: a page of each other block of 2 MiB is never free, so that the block
 * is not either.
 */
void __init ringfold_keep_scattered_blocks(void)
{
	unsigned long first;

	if (physical_to_machine == NULL)
		return;
	for (first = 0; first + PTRS_PER_PTE <= frame_count; first += PTRS_PER_PTE) {
		if (!ringfold_fits_its_block(first))
			memblock_reserve(PFN_PHYS(first), PAGE_SIZE);
	}
}

/* The machine's memory, so that nothing else is put where there is some. */
static void __init add_machine_ranges(void)
{
	const struct ringfold_machine_range *ranges = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	const unsigned int most = PAGE_SIZE / sizeof(*ranges);
	unsigned int first = 0;
	unsigned int count;

	do {
		struct ringfold_hypercall_result result = ringfold_machine_memory_read(first, RINGFOLD_ANSWER_OFFSET, most);
		unsigned int index;

		count = result.status == 0 ? result.value : 0;
		for (index = 0; index < count; index++)
			e820__range_add(ranges[index].begin, ranges[index].size, type_of(&ranges[index]));
		first += count;
	} while (count == most);
	e820__update_table(e820_table);
}

unsigned long __init ringfold_backed_frames(void)
{
	unsigned long count = ringfold_start_info->frame_count;

	while (physical_to_machine != NULL && count != 0 && physical_to_machine[count - 1] == NO_FRAME)
		count--;
	return count;
}

static void __init add_own_range(u64 first, u64 size)
{
	if (ringfold_control_domain)
		e820__range_update(first, size, E820_TYPE_RESERVED, E820_TYPE_RAM);
	else
		e820__range_add(first, size, E820_TYPE_RAM);
}

char *__init ringfold_memory_setup(void)
{
	const unsigned long backed = ringfold_backed_frames();
	unsigned int index;

	if (ringfold_control_domain)
		add_machine_ranges();
	for (index = 0; index < ringfold_start_info->range_count; index++)
		add_own_range(PFN_PHYS(ringfold_start_info->ranges[index].first),
			      PFN_PHYS(ringfold_start_info->ranges[index].count));
	e820__update_table(e820_table);
	/* Behind the image: module, start info, pseudo-physical map, page tables, stack and the vCPU's page. */
	memblock_reserve(__pa_symbol(_end), PFN_PHYS(first_free_frame) - __pa_symbol(_end));
	/* Pages that can get a frame later (balloon.c). */
	if (!ringfold_control_domain)
		memblock_reserve(PFN_PHYS(backed), PFN_PHYS(frame_count - backed));
	return "Ringfold";
}
