// SPDX-License-Identifier: GPL-2.0
/*
 * What needs ring 0: descriptor tables, control and model-specific registers, the interrupt flag. Most of it is the
 * hypervisor's and stays as it is; the rest is in the vCPU page, or asked for.
 */
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/vmalloc.h>

#include <asm/cpu.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/fsgsbase.h>
#include <asm/msr.h>
#include <asm/paravirt.h>
#include <asm/ringfold.h>
#include <asm/setup.h>
#include <asm/traps.h>

#include "../kernel/cpu/cpu.h"

#include "ringfold.h"

/* Where entries are composed for vcpu_register: behind what the console uses. */
#define ENTRIES_OFFSET (RINGFOLD_CONSOLE_OFFSET + 2048)

static DEFINE_PER_CPU(unsigned long, cr4);
static DEFINE_PER_CPU(bool, has_ldt);
static char emergency_stack[2 * PAGE_SIZE] __aligned(PAGE_SIZE);

/* --- control registers --- */

static unsigned long ringfold_read_cr0(void)
{
	return X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_PG;
}

static void ringfold_write_cr0(unsigned long value)
{
	/* The hypervisor switches the whole of a vCPU's state: there is no lazy floating-point unit. */
}

unsigned long ringfold_cr4(void)
{
	return this_cpu_read(cr4);
}

/* What the kernel may have is on already. */
static void ringfold_write_cr4(unsigned long value)
{
	this_cpu_write(cr4, value);
}

/* --- model-specific registers --- */

static bool read_known_msr(unsigned int msr, u64 *value)
{
	switch (msr) {
	case MSR_FS_BASE:
		*value = rdfsbase();
		return true;
	case MSR_GS_BASE:
		*value = rdgsbase();
		return true;
	case MSR_KERNEL_GS_BASE:
		*value = ringfold_vcpu_page()->user_gs_base;
		return true;
	default:
		*value = 0;
		return false;
	}
}

static bool write_known_msr(unsigned int msr, u64 value)
{
	switch (msr) {
	case MSR_FS_BASE:
		wrfsbase(value);
		return true;
	case MSR_GS_BASE:
		wrgsbase(value);
		ringfold_vcpu_page()->kernel_gs_base = value;
		return true;
	case MSR_KERNEL_GS_BASE:
		ringfold_vcpu_page()->user_gs_base = value;
		return true;
	default:
		return false;
	}
}

static u64 ringfold_read_msr(unsigned int msr)
{
	u64 value;

	read_known_msr(msr, &value);
	return value;
}

static u64 ringfold_read_msr_safe(unsigned int msr, int *error)
{
	u64 value;

	*error = read_known_msr(msr, &value) ? 0 : -EIO;
	return value;
}

static void ringfold_write_msr(unsigned int msr, unsigned int low, unsigned int high)
{
	write_known_msr(msr, (u64)high << 32 | low);
}

static int ringfold_write_msr_safe(unsigned int msr, unsigned int low, unsigned int high)
{
	return write_known_msr(msr, (u64)high << 32 | low) ? 0 : -EIO;
}

#define CPUID_TOPOLOGY 0xb
#define CPUID_TOPOLOGY_V2 0x1f
#define CPUID_AMD_SIZES 0x80000008
#define CPUID_AMD_TOPOLOGY 0x8000001e

/*
 * Of the extended state there is what the hypervisor switches, which XCR0 tells. A vCPU is a package of one core: what
 * the processor says of that is of where the vCPU just happens to run.
 */
static void ringfold_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx)
{
	const unsigned int leaf = *eax;
	const unsigned int subleaf = *ecx;

	native_cpuid(eax, ebx, ecx, edx);
	switch (leaf) {
	case 1:
		*ebx = (*ebx & 0xffff) | 1 << 16 | (raw_smp_processor_id() & 0xff) << 24;
		*edx &= ~(1U << (X86_FEATURE_HT & 31));
		break;
	case 4:
		*eax &= 0x3fff; /* what shares the cache, and cores: one */
		break;
	case CPUID_TOPOLOGY:
	case CPUID_TOPOLOGY_V2:
	case CPUID_AMD_TOPOLOGY:
		*eax = 0;
		*ebx = 0;
		*ecx = 0;
		*edx = 0;
		break;
	case CPUID_AMD_SIZES:
		*ecx = 0;
		break;
	case XSTATE_CPUID:
		if (subleaf == 0) {
			const u64 enabled = xgetbv(XCR_XFEATURE_ENABLED_MASK);

			*eax = enabled;
			*edx = enabled >> 32;
		}
		break;
	}
}

static u64 ringfold_read_pmc(int counter)
{
	return 0;
}

/* --- descriptors --- */

/*
 * The table in use is the hypervisor's. Linux' own has what the kernel looks at: its segments, and this CPU's TLS slots as
 * they were loaded last.
 */
void ringfold_store_gdt(struct desc_ptr *table)
{
	table->address = (unsigned long)get_current_gdt_rw();
	table->size = GDT_SIZE - 1;
}

static void ringfold_load_gdt(const struct desc_ptr *table)
{
}

static unsigned long ringfold_store_tr(void)
{
	return 0;
}

static s64 set_big_ldt(const void *table, unsigned int entries)
{
	const unsigned int pages = PFN_UP(entries * LDT_ENTRY_SIZE);
	unsigned int page;
	s64 status;

	/* Its pages take the place of the call buffer's for the moment. */
	for (page = 0; page < pages; page++) {
		unsigned long pfn = vmalloc_to_pfn(table + page * PAGE_SIZE);

		(void)ringfold_call_buffer_set(page, ringfold_physical_to_machine(pfn));
	}
	status = ringfold_local_descriptor_table_set(0, entries).status;
	for (page = 0; page < pages; page++)
		(void)ringfold_call_buffer_set(page, RINGFOLD_NO_FRAME);
	ringfold_register_call_buffer();
	ringfold_register_request_pages();
	return status;
}

/* The hypervisor checks and copies the table. */
static void ringfold_set_ldt(const void *table, unsigned int entries)
{
	unsigned long flags;
	s64 status;

	if (entries == 0 && !this_cpu_read(has_ldt))
		return;
	local_irq_save(flags);
	if (entries * LDT_ENTRY_SIZE > PAGE_SIZE) {
		status = set_big_ldt(table, entries);
	} else {
		memcpy(ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET), table, entries * LDT_ENTRY_SIZE);
		status = ringfold_local_descriptor_table_set(RINGFOLD_ANSWER_OFFSET, entries).status;
	}
	this_cpu_write(has_ldt, entries != 0);
	local_irq_restore(flags);
	WARN_ON_ONCE(status != 0);
}

static void set_thread_descriptor(unsigned int index, const struct desc_struct *descriptor)
{
	u64 value;

	memcpy(&value, descriptor, sizeof(value));
	WARN_ON(ringfold_thread_descriptor_set(index, value).status != 0);
}

static void ringfold_load_tls(struct thread_struct *thread, unsigned int cpu)
{
	struct desc_struct *loaded = get_cpu_gdt_rw(cpu) + GDT_ENTRY_TLS_MIN;
	unsigned int index;

	for (index = 0; index < GDT_ENTRY_TLS_ENTRIES; index++) {
		if (memcmp(&loaded[index], &thread->tls_array[index], sizeof(*loaded)) == 0)
			continue;
		loaded[index] = thread->tls_array[index];
		set_thread_descriptor(index, &loaded[index]);
	}
}

/* The hypervisor's table has the kernel's own descriptors; of the rest, users see one. */
static void ringfold_write_gdt_entry(struct desc_struct *table, int entry, const void *descriptor, int type)
{
	native_write_gdt_entry(table, entry, descriptor, type);
	if (entry == GDT_ENTRY_CPUNODE)
		set_thread_descriptor(RINGFOLD_TLS_COUNT, descriptor);
}

/*
 * Exceptions arrive where the interrupt table says, of which only the addresses count. The hypervisor does not look at it:
 * it is told whenever one is loaded, or the loaded one changes.
 */
static DEFINE_PER_CPU(const gate_desc *, loaded_table);

static void register_entries(void)
{
	const gate_desc *table = this_cpu_read(loaded_table);
	struct ringfold_vcpu_entries *entries = ringfold_call_buffer_at(ENTRIES_OFFSET);
	unsigned int vector;

	memset(entries, 0, sizeof(*entries));
	entries->hypercall_return = (u64)ringfold_hypercall_return;
	entries->syscall = (u64)ringfold_entry_syscall;
	entries->syscall32 = (u64)ringfold_no_such_interrupt;
	entries->int80 = (u64)ringfold_no_such_interrupt;
	entries->upcall = (u64)asm_sysvec_ringfold_upcall;
	entries->bad_return = (u64)ringfold_bad_return;
	entries->window_start = (u64)ringfold_return_window;
	entries->window_iretq = (u64)ringfold_return_window_iretq;
	for (vector = 0; vector < ARRAY_SIZE(entries->exceptions); vector++) {
		const gate_desc *gate = &table[vector];

		if (vector != X86_TRAP_NMI && vector != X86_TRAP_MC && gate->bits.p)
			entries->exceptions[vector] = gate_offset(gate);
	}
	if (table[IA32_SYSCALL_VECTOR].bits.p)
		entries->int80 = gate_offset(&table[IA32_SYSCALL_VECTOR]);
	WARN_ON(ringfold_vcpu_register(ENTRIES_OFFSET).status != 0);
}

static void ringfold_load_idt(const struct desc_ptr *table)
{
	if (this_cpu_read(loaded_table) != (const gate_desc *)table->address) {
		this_cpu_write(loaded_table, (const gate_desc *)table->address);
		register_entries();
	}
}

static void ringfold_write_idt_entry(gate_desc *table, int entry, const gate_desc *gate)
{
	native_write_idt_entry(table, entry, gate);
	if (table == this_cpu_read(loaded_table) && (entry < NUM_EXCEPTION_VECTORS || entry == IA32_SYSCALL_VECTOR))
		register_entries();
}

static void ringfold_load_sp0(unsigned long top)
{
	ringfold_vcpu_page()->kernel_stack = top;
}

/*
 * A selector of a user's, and the GS base that comes with it, which is the inactive one while the kernel runs. What
 * could not be loaded is not tried: an exception here would find no per-CPU area. VERR does not look at the present bit.
 */
static noinstr void ringfold_load_gs_index(unsigned int selector)
{
	const u32 present = 1U << 15;
	unsigned long base = rdgsbase();
	u32 rights = 0; /* what LAR leaves, if there is nothing to look at */
	bool readable;

	asm volatile("verr %w1" : "=@ccz"(readable) : "r"(selector));
	asm volatile("larl %1, %0" : "+r"(rights) : "r"(selector) : "cc");
	asm volatile("movl %0, %%gs" : : "r"(readable && (rights & present) ? selector : 0) : "memory");
	ringfold_vcpu_page()->user_gs_base = rdgsbase();
	wrgsbase(base);
}

/* --- debug registers --- */

static unsigned long ringfold_get_debugreg(int number)
{
	if (number == 6)
		return ringfold_vcpu_page()->dr6;
	return ringfold_debug_register_get(number).value;
}

static void ringfold_set_debugreg(int number, unsigned long value)
{
	if (number == 6)
		ringfold_vcpu_page()->dr6 = value;
	else
		(void)ringfold_debug_register_set(number, value);
}

/* --- the rest --- */

static void ringfold_nothing(void)
{
}

/*
 * No processor looks at this TSS: the hypervisor's own has the stacks of exceptions. But crash does, and cannot show what a CPU
 * does if there are stacks that no entry of the IDT uses.
 */
static void ringfold_load_tr_desc(void)
{
	u64 *stacks = this_cpu_ptr(&cpu_tss_rw)->x86_tss.ist;

	if (!IS_ENABLED(CONFIG_X86_MCE))
		stacks[IST_INDEX_MCE] = 0;
	if (!IS_ENABLED(CONFIG_AMD_MEM_ENCRYPT))
		stacks[IST_INDEX_VC] = 0;
}

static void ringfold_safe_halt(void)
{
	(void)ringfold_block();
}

static void ringfold_halt(void)
{
	if (!irqs_disabled())
		ringfold_safe_halt();
	else if (system_state == SYSTEM_BOOTING)
		(void)ringfold_shutdown(RINGFOLD_SHUTDOWN_CRASH, 0); /* it gave up */
	else
		(void)ringfold_vcpu_stop();
}

/* What ring 1 does not have, and what the hypervisor keeps to itself. */
static void __init hide_features(void)
{
	static const unsigned int hidden[] __initconst = {
		X86_FEATURE_ACPI, X86_FEATURE_APERFMPERF, X86_FEATURE_APIC, X86_FEATURE_ARCH_PERFMON, X86_FEATURE_DCA,
		X86_FEATURE_GBPAGES, X86_FEATURE_IBT, X86_FEATURE_INVPCID, X86_FEATURE_LA57, X86_FEATURE_MCA,
		X86_FEATURE_MCE, X86_FEATURE_MTRR, X86_FEATURE_MWAIT, X86_FEATURE_OSPKE, X86_FEATURE_PAT,
		X86_FEATURE_PCID, X86_FEATURE_PGE, X86_FEATURE_PKU, X86_FEATURE_PSE, X86_FEATURE_PSE36,
		X86_FEATURE_SEP, X86_FEATURE_SMAP, X86_FEATURE_SVM, X86_FEATURE_SYSCALL32,
		X86_FEATURE_SYSENTER32, X86_FEATURE_TSC_DEADLINE_TIMER, X86_FEATURE_VMX, X86_FEATURE_X2APIC, X86_FEATURE_XSAVES,
	};
	unsigned int index;

	for (index = 0; index < ARRAY_SIZE(hidden); index++)
		setup_clear_cpu_cap(hidden[index]);
	/* Paravirtual operations stay, and kernel stacks are those of the tasks. */
	setup_force_cpu_cap(X86_FEATURE_XENPV);
	setup_force_cpu_cap(X86_FEATURE_RINGFOLD);
}

static void __init set_up_operations(void)
{
	pv_info.name = "Ringfold";
	pv_ops.cpu.io_delay = ringfold_nothing;
	pv_ops.cpu.get_debugreg = ringfold_get_debugreg;
	pv_ops.cpu.set_debugreg = ringfold_set_debugreg;
	pv_ops.cpu.read_cr0 = ringfold_read_cr0;
	pv_ops.cpu.write_cr0 = ringfold_write_cr0;
	pv_ops.cpu.write_cr4 = ringfold_write_cr4;
	pv_ops.cpu.cpuid = ringfold_cpuid;
	pv_ops.cpu.wbinvd = ringfold_nothing;
	pv_ops.cpu.read_msr = ringfold_read_msr;
	pv_ops.cpu.write_msr = ringfold_write_msr;
	pv_ops.cpu.read_msr_safe = ringfold_read_msr_safe;
	pv_ops.cpu.write_msr_safe = ringfold_write_msr_safe;
	pv_ops.cpu.read_pmc = ringfold_read_pmc;
	pv_ops.cpu.load_tr_desc = ringfold_load_tr_desc;
	pv_ops.cpu.set_ldt = ringfold_set_ldt;
	pv_ops.cpu.load_gdt = ringfold_load_gdt;
	pv_ops.cpu.load_idt = ringfold_load_idt;
	pv_ops.cpu.store_tr = ringfold_store_tr;
	pv_ops.cpu.load_tls = ringfold_load_tls;
	pv_ops.cpu.load_gs_index = ringfold_load_gs_index;
	pv_ops.cpu.write_gdt_entry = ringfold_write_gdt_entry;
	pv_ops.cpu.write_idt_entry = ringfold_write_idt_entry;
	pv_ops.cpu.load_sp0 = ringfold_load_sp0;
#ifdef CONFIG_X86_IOPL_IOPERM
	pv_ops.cpu.invalidate_io_bitmap = ringfold_nothing;
	pv_ops.cpu.update_io_bitmap = ringfold_nothing;
#endif
	pv_ops.cpu.start_context_switch = paravirt_start_context_switch;
	pv_ops.cpu.end_context_switch = paravirt_end_context_switch;
	pv_ops.irq.save_fl = __PV_IS_CALLEE_SAVE(ringfold_save_flags);
	pv_ops.irq.irq_disable = __PV_IS_CALLEE_SAVE(ringfold_irq_disable);
	pv_ops.irq.irq_enable = __PV_IS_CALLEE_SAVE(ringfold_irq_enable);
	pv_ops.irq.safe_halt = ringfold_safe_halt;
	pv_ops.irq.halt = ringfold_halt;
}

/* Of the CPU that this runs on. */
void ringfold_init_vcpu_page(unsigned long emergency_stack_top)
{
	struct ringfold_vcpu_page *page = ringfold_vcpu_page();

	page->kernel_gs_base = rdgsbase();
	page->emergency_stack = emergency_stack_top;
	page->kernel_stack = emergency_stack_top;
	this_cpu_write(loaded_table, NULL); /* not yet registered */
	memset(get_current_gdt_rw() + GDT_ENTRY_TLS_MIN, 0, GDT_ENTRY_TLS_ENTRIES * sizeof(struct desc_struct));
	this_cpu_write(has_ldt, false);
}

void __init ringfold_init_processor(void)
{
	ringfold_init_vcpu_page((unsigned long)emergency_stack + sizeof(emergency_stack));
	set_up_operations();
	idt_setup_early_handler();
	get_cpu_cap(&boot_cpu_data);
	hide_features();
	x86_configure_nx();
	get_cpu_address_sizes(&boot_cpu_data);
}
