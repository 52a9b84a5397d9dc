// SPDX-License-Identifier: GPL-2.0
/*
 * Memory on Ringfold: entries of page tables name machine frames, the kernel counts in pseudo-physical ones; page tables
 * are read-only, and every change of one is a hypercall.
 *
 * A page becomes a page table when it is first hung into another one (or, for the top level, when its mm is first used):
 * until then it is written like any memory. `PagePinned` says that it is one.
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>

#include <asm/e820/api.h>
#include <asm/fixmap.h>
#include <asm/init.h>
#include <asm/mmu_context.h>
#include <asm/paravirt.h>
#include <asm/pgalloc.h>
#include <asm/ringfold.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>
#include <asm/x86_init.h>

#include "ringfold.h"

#define MACHINE_TO_PHYSICAL ((const u64 *)RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS)
#define NO_FRAME (~0UL)

/* Set before what is read-only after the start can be written. */
static const u64 *physical_to_machine __read_mostly;
static unsigned long frame_count __read_mostly;
static unsigned long first_free_frame __initdata;
static bool knows_pages __ro_after_init; /* struct page exists */
static DEFINE_PER_CPU(unsigned long, current_cr3);

/* --- frames --- */

static unsigned long to_machine(unsigned long pfn)
{
	return pfn < frame_count ? physical_to_machine[pfn] : NO_FRAME;
}

unsigned long ringfold_machine_to_physical(unsigned long machine_frame)
{
	unsigned long pfn = MACHINE_TO_PHYSICAL[machine_frame];

	return to_machine(pfn) == machine_frame ? pfn : NO_FRAME;
}

unsigned long ringfold_machine_frame(const void *address)
{
	return to_machine(PFN_DOWN(__pa(address)));
}

static u64 entry_address(const void *entry)
{
	return ((u64)ringfold_machine_frame(entry) << PAGE_SHIFT) | offset_in_page(entry);
}

/* The pseudo-physical frame that a present entry names. */
static unsigned long named_frame(u64 entry)
{
	return ringfold_machine_to_physical((entry & PTE_PFN_MASK) >> PAGE_SHIFT);
}

/* For entries of upper levels. */
static bool names_table(u64 entry)
{
	return (entry & _PAGE_PRESENT) && !(entry & _PAGE_PSE);
}

/* Only present entries name machine frames. One that is not the domain's reads as a frame past all memory. */
static u64 entry_to_physical(u64 value)
{
	if (!(value & _PAGE_PRESENT))
		return value;
	return (value & ~PTE_PFN_MASK) | ((named_frame(value) << PAGE_SHIFT) & PTE_PFN_MASK);
}

static u64 entry_to_machine(u64 value)
{
	unsigned long machine;

	if (!(value & _PAGE_PRESENT))
		return value;
	machine = to_machine((value & PTE_PFN_MASK) >> PAGE_SHIFT);
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

/* --- page tables --- */

static void queue_set(void *entry, u64 value)
{
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_SET,
		.address = entry_address(entry),
		.value = value,
	});
}

static bool is_table(const void *entry)
{
	/* Before there are pages, the hypervisor is asked: batch.c. */
	return !knows_pages || PagePinned(virt_to_page(__va(__pa(entry))));
}

static void set_entry(void *entry, u64 value)
{
	if (is_table(entry))
		queue_set(entry, value);
	else
		WRITE_ONCE(*(u64 *)entry, value);
}

/* The entry of the direct map, for a page of memory. */
static pte_t *direct_entry(unsigned long pfn)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)__va(PFN_PHYS(pfn)), &level);

	return entry != NULL && level == PG_LEVEL_4K ? entry : NULL;
}

static void set_direct_writable(unsigned long pfn, bool writable)
{
	pte_t *entry = direct_entry(pfn);

	if (entry != NULL)
		queue_set(entry, writable ? entry->pte | _PAGE_RW : entry->pte & ~(u64)_PAGE_RW);
}

/* A table of `level` is about to be hung into another one that is a page table: it, and what hangs in it. */
static void become_table(unsigned long pfn, unsigned int level)
{
	u64 *entries = __va(PFN_PHYS(pfn));
	unsigned int index;

	if (knows_pages) {
		if (PagePinned(pfn_to_page(pfn)))
			return;
		SetPagePinned(pfn_to_page(pfn));
	}
	set_direct_writable(pfn, false);
	/* The upper half of a top-level table holds the kernel's tables, which are such already. */
	for (index = 0; level > 1 && index < (level == 4 ? PTRS_PER_PGD / 2 : PTRS_PER_PTE); index++) {
		if (names_table(entries[index]))
			become_table(named_frame(entries[index]), level - 1);
	}
}

/* An upper-level entry of a table of `level`. */
static void set_upper_entry(void *entry, u64 value, unsigned int level)
{
	if (names_table(value) && is_table(entry))
		become_table(named_frame(value), level - 1);
	set_entry(entry, value);
}

static void ringfold_set_pte(pte_t *entry, pte_t value)
{
	set_entry(entry, value.pte);
}

static void ringfold_set_pmd(pmd_t *entry, pmd_t value)
{
	set_upper_entry(entry, value.pmd, 2);
}

static void ringfold_set_pud(pud_t *entry, pud_t value)
{
	set_upper_entry(entry, value.pud, 3);
}

static void ringfold_set_p4d(p4d_t *entry, p4d_t value)
{
	set_upper_entry(entry, value.pgd.pgd, 4);
}

unsigned long ringfold_exchange_entry(void *entry, unsigned long value)
{
	u64 old;

	/* What is queued for it comes first. */
	ringfold_flush_queue();
	old = READ_ONCE(*(u64 *)entry);
	set_entry(entry, value);
	return old;
}

static pte_t ringfold_modify_start(struct vm_area_struct *area, unsigned long address, pte_t *entry)
{
	return *entry;
}

static void ringfold_modify_commit(struct vm_area_struct *area, unsigned long address, pte_t *entry, pte_t value)
{
	if (!is_table(entry)) {
		WRITE_ONCE(*entry, value);
		return;
	}
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY,
		.address = entry_address(entry),
		.value = value.pte,
	});
}

/* It hangs nowhere any more. */
static void ringfold_release_table(unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	if (PagePinned(page)) {
		ClearPagePinned(page);
		set_direct_writable(pfn, true);
		ringfold_flush_queue();
	}
}

static void pin_root(pgd_t *root)
{
	unsigned long pfn = PFN_DOWN(__pa(root));

	if (PagePinned(pfn_to_page(pfn)))
		return;
	become_table(pfn, 4);
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_PIN,
		.count = 4,
		.address = ringfold_machine_frame(root),
	});
}

static void ringfold_activate_mm(struct mm_struct *previous, struct mm_struct *next)
{
	spin_lock(&next->page_table_lock);
	pin_root(next->pgd);
	spin_unlock(&next->page_table_lock);
}

static void ringfold_dup_mmap(struct mm_struct *old, struct mm_struct *mm)
{
	ringfold_activate_mm(old, mm);
}

static void ringfold_pgd_free(struct mm_struct *mm, pgd_t *root)
{
	unsigned long pfn = PFN_DOWN(__pa(root));

	if (!PagePinned(pfn_to_page(pfn)))
		return;
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_UNPIN,
		.address = ringfold_machine_frame(root),
	});
	ringfold_release_table(pfn);
}

/* --- what processors cache --- */

static void queue_flush(unsigned int scope, u64 vcpus, unsigned long address, unsigned long pages)
{
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_FLUSH,
		.count = scope,
		.address = address,
		.value = pages,
		.mask = vcpus,
	});
	ringfold_flush_queue();
}

static void ringfold_flush_tlb_user(void)
{
	ringfold_flush_queue();
	(void)ringfold_hypercall(RINGFOLD_GATE_FLUSH, 0, 0, 0, 0, 0, 0);
}

static void ringfold_flush_tlb_kernel(void)
{
	queue_flush(RINGFOLD_FLUSH_LOCAL, 0, 0, 0);
}

static void ringfold_flush_tlb_one_user(unsigned long address)
{
	ringfold_flush_queue();
	(void)ringfold_hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, address, 0, 0, 0, 0, 0);
}

static void ringfold_flush_tlb_multi(const struct cpumask *cpus, const struct flush_tlb_info *info)
{
	queue_flush(RINGFOLD_FLUSH_VCPUS, cpumask_bits(cpus)[0], 0, 0);
}

static unsigned long ringfold_read_cr3(void)
{
	return this_cpu_read(current_cr3);
}

static void ringfold_write_cr3(unsigned long cr3)
{
	this_cpu_write(current_cr3, cr3);
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_LOAD_ROOT,
		.address = to_machine(PFN_DOWN(cr3)),
		.value = RINGFOLD_ROOT_FLUSH,
	});
	ringfold_flush_queue();
}

static void ringfold_write_cr2(unsigned long address)
{
	ringfold_vcpu_page()->cr2 = address;
}

/* --- lazy mode --- */

static void ringfold_leave_lazy_mmu(void)
{
	preempt_disable();
	ringfold_flush_queue();
	paravirt_leave_lazy_mmu();
	preempt_enable();
}

/* --- the beginning --- */

static void __init set_up_operations(void)
{
	pv_ops.mmu.flush_tlb_user = ringfold_flush_tlb_user;
	pv_ops.mmu.flush_tlb_kernel = ringfold_flush_tlb_kernel;
	pv_ops.mmu.flush_tlb_one_user = ringfold_flush_tlb_one_user;
	pv_ops.mmu.flush_tlb_multi = ringfold_flush_tlb_multi;
	pv_ops.mmu.read_cr2 = __PV_IS_CALLEE_SAVE(ringfold_read_cr2);
	pv_ops.mmu.write_cr2 = ringfold_write_cr2;
	pv_ops.mmu.read_cr3 = ringfold_read_cr3;
	pv_ops.mmu.write_cr3 = ringfold_write_cr3;
	pv_ops.mmu.activate_mm = ringfold_activate_mm;
	pv_ops.mmu.dup_mmap = ringfold_dup_mmap;
	pv_ops.mmu.pgd_free = ringfold_pgd_free;
	pv_ops.mmu.release_pte = ringfold_release_table;
	pv_ops.mmu.release_pmd = ringfold_release_table;
	pv_ops.mmu.release_pud = ringfold_release_table;
	pv_ops.mmu.release_p4d = ringfold_release_table;
	pv_ops.mmu.set_pte = ringfold_set_pte;
	pv_ops.mmu.set_pmd = ringfold_set_pmd;
	pv_ops.mmu.set_pud = ringfold_set_pud;
	pv_ops.mmu.set_p4d = ringfold_set_p4d;
	pv_ops.mmu.ptep_modify_prot_start = ringfold_modify_start;
	pv_ops.mmu.ptep_modify_prot_commit = ringfold_modify_commit;
	pv_ops.mmu.pte_val = PV_CALLEE_SAVE(ringfold_pte_val);
	pv_ops.mmu.make_pte = PV_CALLEE_SAVE(ringfold_make_pte);
	pv_ops.mmu.pmd_val = PV_CALLEE_SAVE(ringfold_pmd_val);
	pv_ops.mmu.make_pmd = PV_CALLEE_SAVE(ringfold_make_pmd);
	pv_ops.mmu.pud_val = PV_CALLEE_SAVE(ringfold_pud_val);
	pv_ops.mmu.make_pud = PV_CALLEE_SAVE(ringfold_make_pud);
	pv_ops.mmu.pgd_val = PV_CALLEE_SAVE(ringfold_pgd_val);
	pv_ops.mmu.make_pgd = PV_CALLEE_SAVE(ringfold_make_pgd);
	pv_ops.mmu.lazy_mode.enter = paravirt_enter_lazy_mmu;
	pv_ops.mmu.lazy_mode.leave = ringfold_leave_lazy_mmu;
	pv_ops.mmu.lazy_mode.flush = paravirt_flush_lazy_mmu;
}

static u64 table_entry(const void *table, u64 flags)
{
	return ((u64)ringfold_machine_frame(table) << PAGE_SHIFT) | flags;
}

/* The table that an entry of the builder's names, through the builder's mapping of all of them. */
static u64 *__init builders_table(u64 entry)
{
	return (u64 *)(__START_KERNEL_map + PFN_PHYS(named_frame(entry)));
}

/* The builder's second level below the kernel's address: one table, for 1 GiB from frame 0. */
static u64 *__init builders_l2(void)
{
	u64 *l4 = (u64 *)(__START_KERNEL_map + PFN_PHYS(ringfold_start_info->page_tables));
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
 * address; its lowest tables now serve the direct map as well.
 */
static void __init replace_root(void)
{
	void *const tables[] = { init_top_pgt, level3_ident_pgt, level2_ident_pgt, level3_kernel_pgt,
				 level2_kernel_pgt, level2_fixmap_pgt };
	unsigned int index;

	for (index = 0; index < ARRAY_SIZE(tables); index++)
		clear_page(tables[index]);
	memset(level1_fixmap_pgt, 0, FIXMAP_PMD_NUM * PAGE_SIZE);

	((u64 *)init_top_pgt)[pgd_index(__PAGE_OFFSET)] = table_entry(level3_ident_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)init_top_pgt)[pgd_index(__START_KERNEL_map)] = table_entry(level3_kernel_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_ident_pgt)[pud_index(__PAGE_OFFSET)] = table_entry(level2_ident_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_kernel_pgt)[pud_index(__START_KERNEL_map)] = table_entry(level2_kernel_pgt, _KERNPG_TABLE_NOENC);
	((u64 *)level3_kernel_pgt)[511] = table_entry(level2_fixmap_pgt, _PAGE_TABLE_NOENC);
	memcpy(level2_ident_pgt, builders_l2(), PAGE_SIZE);
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

		queue_set(entry, *entry & ~(u64)_PAGE_RW);
	}
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_PIN,
		.count = 4,
		.address = ringfold_machine_frame(init_top_pgt),
	});
	ringfold_write_cr3(__pa_symbol(init_top_pgt));
}

void __init ringfold_init_frames(void)
{
	physical_to_machine = (const u64 *)ringfold_start_info->physical_to_machine;
	frame_count = ringfold_start_info->frame_count;
	first_free_frame = ringfold_start_info->first_free_frame;
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
			.address = entry_address(builders_entry(address)),
			.value = _PAGE_RW,
			.mask = _PAGE_RW,
		});
		address += pages * PAGE_SIZE;
	}
	(void)ringfold_hypercall(RINGFOLD_GATE_FLUSH, 0, 0, 0, 0, 0, 0);
}

/* Marks what is a page table when struct page comes into being: what hangs in the root. */
static void __init mark_tables(u64 *table, unsigned int level)
{
	unsigned int index;

	SetPagePinned(virt_to_page(__va(__pa(table))));
	for (index = 0; level > 1 && index < PTRS_PER_PTE; index++) {
		if (names_table(table[index]))
			mark_tables(__va(PFN_PHYS(named_frame(table[index]))), level - 1);
	}
}

static void __init ringfold_after_bootmem(void)
{
	mark_tables((u64 *)init_top_pgt, 4);
	knows_pages = true;
}

char *__init ringfold_memory_setup(void)
{
	e820__range_add(0, PFN_PHYS(frame_count), E820_TYPE_RAM);
	e820__update_table(e820_table);
	/* Behind the image: module, start info, pseudo-physical map, page tables, stack and the vCPU's page. */
	memblock_reserve(__pa_symbol(_end), PFN_PHYS(first_free_frame) - __pa_symbol(_end));
	return "Ringfold";
}

void __init ringfold_init_memory(void)
{
	/* The global bit is refused; what the guest cannot do yet is hidden in processor.c. */
	__supported_pte_mask &= ~_PAGE_GLOBAL;
	__default_kernel_pte_mask &= ~_PAGE_GLOBAL;
	set_up_operations();
	replace_root();
	/* The map and the start info are reached through the direct map from now on: the kernel's goes up to _end. */
	physical_to_machine = __va(__pa(physical_to_machine));
	ringfold_start_info = __va(__pa(ringfold_start_info));
	x86_init.hyper.init_after_bootmem = ringfold_after_bootmem;
}
