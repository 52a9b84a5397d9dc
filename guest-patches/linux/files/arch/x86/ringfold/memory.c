// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables on Ringfold: they are read-only, and every change of one is a hypercall.
 *
 * A page becomes a page table when it is first hung into another one (or, for the top level, when its mm is first used):
 * until then it is written like any memory. `PagePinned` says that it is one.
 */
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/pgalloc.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/task_stack.h>

#include <asm/init.h>
#include <asm/paravirt.h>
#include <asm/ringfold.h>
#include <asm/tlbflush.h>
#include <asm/x86_init.h>

#include "ringfold.h"

/* What a run of flags may change (page_table.h), and of that, what processors set. */
#define KEPT_FLAGS ((u64)(_PAGE_ACCESSED | _PAGE_DIRTY))
#define CHANGEABLE_FLAGS (_PAGE_RW | _PAGE_USER | KEPT_FLAGS | RINGFOLD_ENTRY_SOFTWARE | _PAGE_NX)

static bool knows_pages __ro_after_init; /* struct page exists */
static DEFINE_PER_CPU(unsigned long, current_cr3);

u64 ringfold_entry_address(const void *entry)
{
	return ((u64)ringfold_machine_frame(entry) << PAGE_SHIFT) | offset_in_page(entry);
}

/* For entries of upper levels. */
static bool names_table(u64 entry)
{
	return (entry & _PAGE_PRESENT) && !(entry & _PAGE_PSE);
}

void ringfold_queue_set(void *entry, u64 value)
{
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_SET,
		.address = ringfold_entry_address(entry),
		.value = value,
	});
}

/* Nobody can write to a page table. Before there are pages, that is how they are told. */
static bool is_read_only(const void *address)
{
	unsigned int level;
	const pte_t *entry = lookup_address((unsigned long)address, &level);

	return entry != NULL && (entry->pte & (_PAGE_PRESENT | _PAGE_RW)) == _PAGE_PRESENT;
}

static bool is_table(const void *entry)
{
	return knows_pages ? PagePinned(virt_to_page(__va(__pa(entry)))) : is_read_only(entry);
}

static void set_entry(void *entry, u64 value)
{
	if (is_table(entry))
		ringfold_queue_set(entry, value);
	else
		WRITE_ONCE(*(u64 *)entry, value);
}

pte_t *ringfold_direct_entry(unsigned long pfn)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)__va(PFN_PHYS(pfn)), &level);

	return entry == NULL || level == PG_LEVEL_4K ? entry : ringfold_split_big_page(pfn);
}

static void set_direct_writable(unsigned long pfn, bool writable)
{
	pte_t *entry = ringfold_direct_entry(pfn);

	if (entry != NULL)
		ringfold_queue_set(entry, writable ? entry->pte | _PAGE_RW : entry->pte & ~(u64)_PAGE_RW);
}

/*
 * Entries of a table of `level` that can name tables of its address space. The upper half of a top-level table holds the
 * kernel's tables, which are page tables all the time.
 */
static unsigned int own_entries(unsigned int level)
{
	if (level == 1)
		return 0;
	return level == 4 ? PTRS_PER_PGD / 2 : PTRS_PER_PTE;
}

/* A table of `level` is about to be hung into another one that is a page table: it, and what hangs in it. */
static void become_table(unsigned long pfn, unsigned int level)
{
	u64 *entries = __va(PFN_PHYS(pfn));
	unsigned int index;

	if (is_table(entries))
		return;
	if (knows_pages)
		SetPagePinned(pfn_to_page(pfn));
	set_direct_writable(pfn, false);
	for (index = 0; index < own_entries(level); index++) {
		if (names_table(entries[index]))
			become_table(ringfold_named_frame(entries[index]), level - 1);
	}
}

/* A table of `level` hangs nowhere any more, nor does what hangs in it. */
static void become_memory(unsigned long pfn, unsigned int level)
{
	const u64 *entries = __va(PFN_PHYS(pfn));
	unsigned int index;

	for (index = 0; index < own_entries(level); index++) {
		if (names_table(entries[index]))
			become_memory(ringfold_named_frame(entries[index]), level - 1);
	}
	ClearPagePinned(pfn_to_page(pfn));
	set_direct_writable(pfn, true);
}

/* In one batch, unless the caller collects one already, or is an interrupt in the midst of one. */
static void hang_in(void *entry, u64 value, unsigned int level)
{
	bool batch;

	preempt_disable();
	batch = !in_interrupt() && paravirt_get_lazy_mode() == PARAVIRT_LAZY_NONE;
	if (batch)
		arch_enter_lazy_mmu_mode();
	become_table(ringfold_named_frame(value), level);
	ringfold_queue_set(entry, value);
	if (batch)
		arch_leave_lazy_mmu_mode();
	preempt_enable();
}

/* An upper-level entry of a table of `level`; or a variable, in which whoever splits a big page has the table of the small ones. */
static void set_upper_entry(void *entry, u64 value, unsigned int level)
{
	if (object_is_on_stack(entry))
		WRITE_ONCE(*(u64 *)entry, value);
	else if (names_table(value) && is_table(entry))
		hang_in(entry, value, level - 1);
	else
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

void ringfold_set_entry(void *entry, unsigned long value)
{
	set_entry(entry, value);
}

unsigned long ringfold_exchange_entry(void *entry, unsigned long value)
{
	return is_table(entry) ? ringfold_exchange(ringfold_entry_address(entry), value) : xchg((u64 *)entry, value);
}

/*
 * Of an address space that only this task uses: no processor sets accessed or dirty bits while the kernel runs, so that
 * what was read is what is replaced, whenever that is. Nobody looks at these bits of the kernel's own mappings.
 */
unsigned long ringfold_take_entry(struct mm_struct *mm, void *entry)
{
	unsigned long old;

	if (mm != &init_mm && (mm != current->mm || atomic_read(&mm->mm_users) != 1))
		return ringfold_exchange_entry(entry, 0);
	old = READ_ONCE(*(u64 *)entry);
	set_entry(entry, 0);
	return old;
}

void ringfold_clear_flags(void *entry, unsigned long flags)
{
	if (ringfold_extend_run(entry, 0, flags))
		return;
	if (is_table(entry))
		ringfold_queue_flags(entry, 0, flags);
	else
		WRITE_ONCE(*(u64 *)entry, READ_ONCE(*(u64 *)entry) & ~flags);
}

static pte_t ringfold_modify_start(struct vm_area_struct *area, unsigned long address, pte_t *entry)
{
	return *entry;
}

static void ringfold_modify_commit(struct vm_area_struct *area, unsigned long address, pte_t *entry, pte_t value)
{
	const u64 changed = READ_ONCE(entry->pte) ^ value.pte;
	const u64 mask = changed & ~KEPT_FLAGS;
	/* What the processor sets meanwhile stays. */
	const bool flags_only = (value.pte & _PAGE_PRESENT) && (changed & ~CHANGEABLE_FLAGS) == 0 &&
				(value.pte & changed & KEPT_FLAGS) == 0;

	if (flags_only && ringfold_extend_run(entry, value.pte & mask, mask))
		return;
	if (!is_table(entry)) {
		WRITE_ONCE(*entry, value);
		return;
	}
	if (flags_only) {
		ringfold_queue_flags(entry, value.pte & mask, mask);
		return;
	}
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY,
		.address = ringfold_entry_address(entry),
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

/*
 * A table that a big page takes the place of hangs nowhere any more, and is kept: whoever splits the page fills it before it is
 * hung in again.
 */
unsigned long ringfold_exchange_pmd(void *entry, unsigned long value)
{
	const u64 old = ringfold_exchange_entry(entry, value);

	if (names_table(old))
		ringfold_release_table(ringfold_named_frame(old));
	return old;
}

/*
 * The locks of the two lowest levels of tables of an address space, of a table of `level`: whoever walks from a page to its
 * entries (migration, reclaim) holds one when it changes an entry.
 */
static void lock_entries(const u64 *entries, unsigned int level, void (*change)(spinlock_t *lock))
{
	unsigned int index;

	for (index = 0; index < own_entries(level); index++) {
		unsigned long pfn;

		if (!names_table(entries[index]))
			continue;
		pfn = ringfold_named_frame(entries[index]);
		if (level == 2 || (level == 3 && USE_SPLIT_PMD_PTLOCKS))
			change(ptlock_ptr(pfn_to_page(pfn)));
		if (level > 2)
			lock_entries(__va(PFN_PHYS(pfn)), level - 1, change);
	}
}

static void take_lock(spinlock_t *lock) __acquires(lock)
{
	spin_lock(lock);
}

static void release_lock(spinlock_t *lock) __releases(lock)
{
	spin_unlock(lock);
}

/* While it turns from memory into page tables, nobody may change an entry either way. */
static void pin_root(pgd_t *root)
{
	unsigned long pfn = PFN_DOWN(__pa(root));

	if (PagePinned(pfn_to_page(pfn)))
		return;
	lock_entries((u64 *)root, 4, take_lock);
	arch_enter_lazy_mmu_mode();
	become_table(pfn, 4);
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_PIN,
		.count = 4,
		.address = ringfold_machine_frame(root),
	});
	arch_leave_lazy_mmu_mode();
	lock_entries((u64 *)root, 4, release_lock);
}

/* The other way round, and the same holds. No processor may be using it. */
static void unpin_root(pgd_t *root)
{
	lock_entries((u64 *)root, 4, take_lock);
	arch_enter_lazy_mmu_mode();
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_UNPIN,
		.address = ringfold_machine_frame(root),
	});
	become_memory(PFN_DOWN(__pa(root)), 4);
	arch_leave_lazy_mmu_mode();
	lock_entries((u64 *)root, 4, release_lock);
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

static bool runs_on(int cpu, void *mm)
{
	return per_cpu(current_cr3, cpu) == __pa(((struct mm_struct *)mm)->pgd);
}

static void stop_running_on(void *mm)
{
	if (this_cpu_read(cpu_tlbstate.loaded_mm) == mm)
		leave_mm(smp_processor_id());
}

/*
 * The address space has no users left. Its page tables become memory at once, so that emptying them takes no operations.
 * CPUs that run on it are between two tasks that have one.
 */
static void ringfold_exit_mmap(struct mm_struct *mm)
{
	on_each_cpu_cond(runs_on, stop_running_on, mm, true);
	spin_lock(&mm->page_table_lock);
	if (PagePinned(virt_to_page(mm->pgd)))
		unpin_root(mm->pgd);
	spin_unlock(&mm->page_table_lock);
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
}

static void ringfold_flush_tlb_user(void)
{
	ringfold_flush_queue();
	(void)ringfold_hypercall(RINGFOLD_GATE_FLUSH, 0, 0, 0, 0, 0, 0);
}

static void ringfold_flush_tlb_kernel(void)
{
	queue_flush(RINGFOLD_FLUSH_LOCAL, 0, 0, 0);
	ringfold_flush_queue();
}

static void ringfold_flush_tlb_one_user(unsigned long address)
{
	if (paravirt_get_lazy_mode() == PARAVIRT_LAZY_MMU) {
		queue_flush(RINGFOLD_FLUSH_LOCAL, 0, address, 1); /* between what was changed before and after it */
		return;
	}
	ringfold_flush_queue();
	(void)ringfold_hypercall(RINGFOLD_GATE_INVALIDATE_PAGE, address, 0, 0, 0, 0, 0);
}

static void ringfold_flush_tlb_multi(const struct cpumask *cpus, const struct flush_tlb_info *info)
{
	queue_flush(RINGFOLD_FLUSH_VCPUS, cpumask_bits(cpus)[0], 0, 0);
	ringfold_flush_queue();
}

static unsigned long ringfold_read_cr3(void)
{
	return this_cpu_read(current_cr3);
}

static void ringfold_write_cr3(unsigned long cr3)
{
	ringfold_queue((struct ringfold_page_table_operation){
		.operation = RINGFOLD_PAGE_TABLE_LOAD_ROOT,
		.address = ringfold_physical_to_machine(PFN_DOWN(cr3)),
		.value = RINGFOLD_ROOT_FLUSH,
	});
	ringfold_flush_queue();
	/* Only now: whoever reads it knows that the last one is in use no more. */
	this_cpu_write(current_cr3, cr3);
}

/* Of a CPU that was started on it. */
void ringfold_set_current_root(const pgd_t *root)
{
	this_cpu_write(current_cr3, __pa_symbol(root));
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
	pv_ops.mmu.exit_mmap = ringfold_exit_mmap;
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
	pv_ops.mmu.lazy_mode.enter = paravirt_enter_lazy_mmu;
	pv_ops.mmu.lazy_mode.leave = ringfold_leave_lazy_mmu;
	pv_ops.mmu.lazy_mode.flush = paravirt_flush_lazy_mmu;
}

/* Marks what is a page table when struct page comes into being: what hangs in the root. */
static void __init mark_tables(u64 *table, unsigned int level)
{
	unsigned int index;

	SetPagePinned(virt_to_page(__va(__pa(table))));
	for (index = 0; level > 1 && index < PTRS_PER_PTE; index++) {
		if (names_table(table[index]))
			mark_tables(__va(PFN_PHYS(ringfold_named_frame(table[index]))), level - 1);
	}
}

static void __init ringfold_after_bootmem(void)
{
	mark_tables((u64 *)init_top_pgt, 4);
	knows_pages = true;
}

static void __init ringfold_init_paging(void)
{
	ringfold_keep_scattered_blocks();
	paging_init();
}

void __init ringfold_init_memory(void)
{
	/* The global bit is refused; what the guest cannot do yet is hidden in processor.c. */
	__supported_pte_mask &= ~_PAGE_GLOBAL;
	__default_kernel_pte_mask &= ~_PAGE_GLOBAL;
	set_up_operations();
	ringfold_take_over_tables();
	ringfold_write_cr3(__pa_symbol(init_top_pgt));
	ringfold_use_frames();
	/* The start info is reached through the direct map from now on: the kernel's goes up to _end. */
	ringfold_start_info = __va(__pa(ringfold_start_info));
	x86_init.hyper.init_after_bootmem = ringfold_after_bootmem;
	x86_init.paging.pagetable_init = ringfold_init_paging;
}
