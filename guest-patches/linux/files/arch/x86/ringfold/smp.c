// SPDX-License-Identifier: GPL-2.0
/*
 * The other CPUs: vCPUs that start in the kernel, in 64-bit mode, with page tables, stack and per-CPU area as they are to
 * be. Interrupts between CPUs are ports, which are bound once and stay while a CPU is off.
 */
#include <linux/cpu.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/pgtable.h>
#include <linux/sched/hotplug.h>
#include <linux/sched/task_stack.h>
#include <linux/smp.h>
#include <linux/tick.h>

#include <asm/apic.h>
#include <asm/cpu.h>
#include <asm/fpu/api.h>
#include <asm/paravirt.h>
#include <asm/spec-ctrl.h>
#include <asm/x86_init.h>

#include "ringfold.h"

enum ipi { IPI_RESCHEDULE, IPI_CALL_FUNCTION, IPI_CALL_SINGLE, IPI_COUNT };

struct processor {
	struct ringfold_vcpu_page *page;
	unsigned long emergency_stack;
	unsigned int irqs[IPI_COUNT];
	unsigned int ports[IPI_COUNT];
};

static DEFINE_PER_CPU(struct processor, processors);

const struct ringfold_vcpu_page *ringfold_vcpu_page_of(int cpu)
{
	return per_cpu(processors, cpu).page;
}

/* --- interrupts between CPUs --- */

static irqreturn_t handle_reschedule(int irq, void *data)
{
	inc_irq_stat(irq_resched_count);
	scheduler_ipi();
	return IRQ_HANDLED;
}

static irqreturn_t handle_call_function(int irq, void *data)
{
	inc_irq_stat(irq_call_count);
	generic_smp_call_function_interrupt();
	return IRQ_HANDLED;
}

static irqreturn_t handle_call_single(int irq, void *data)
{
	inc_irq_stat(irq_call_count);
	generic_smp_call_function_single_interrupt();
	return IRQ_HANDLED;
}

static const struct {
	const char *name;
	irq_handler_t handler;
} ipis[IPI_COUNT] = {
	[IPI_RESCHEDULE] = { "reschedule", handle_reschedule },
	[IPI_CALL_FUNCTION] = { "call function", handle_call_function },
	[IPI_CALL_SINGLE] = { "call single function", handle_call_single },
};

static int bind_ipi(unsigned int cpu, enum ipi ipi)
{
	struct processor *processor = &per_cpu(processors, cpu);
	int irq = ringfold_bind_ipi(cpu);
	int error;

	if (irq < 0)
		return irq;
	error = request_irq(irq, ipis[ipi].handler, IRQF_PERCPU | IRQF_NOBALANCING | IRQF_NO_SUSPEND, ipis[ipi].name, NULL);
	if (error != 0) {
		ringfold_unbind_irq(irq);
		return error;
	}
	processor->irqs[ipi] = irq;
	processor->ports[ipi] = ringfold_port_of_irq(irq);
	return 0;
}

static int bind_ipis(unsigned int cpu)
{
	enum ipi ipi;
	int error = 0;

	for (ipi = 0; ipi < IPI_COUNT && error == 0; ipi++) {
		if (per_cpu(processors, cpu).irqs[ipi] == 0)
			error = bind_ipi(cpu, ipi);
	}
	return error;
}

static void send_ipi(unsigned int cpu, enum ipi ipi)
{
	(void)ringfold_event_send(per_cpu(processors, cpu).ports[ipi]);
}

static void ringfold_send_reschedule(int cpu)
{
	send_ipi(cpu, IPI_RESCHEDULE);
}

static void ringfold_send_call_function(const struct cpumask *cpus)
{
	unsigned int cpu;

	for_each_cpu_and(cpu, cpus, cpu_online_mask)
		send_ipi(cpu, IPI_CALL_FUNCTION);
}

static void ringfold_send_call_single(int cpu)
{
	send_ipi(cpu, IPI_CALL_SINGLE);
}

/* --- start and end --- */

/* How many there may be; the second call is the one after firmware's tables were looked at. */
static void __init ringfold_get_smp_config(unsigned int early)
{
	unsigned int cpu;

	if (early)
		return;
	num_processors = 0;
	disabled_cpus = 0;
	for (cpu = 0; cpu < min(ringfold_start_info->vcpu_count, nr_cpu_ids); cpu++) {
		num_processors++;
		set_cpu_possible(cpu, true);
		set_cpu_present(cpu, true);
	}
}

static void __init ringfold_prepare_boot_cpu(void)
{
	native_smp_prepare_boot_cpu();
	this_cpu_ptr(&processors)->page = __va(PFN_PHYS(ringfold_start_info->vcpu_page));
	ringfold_set_event_area(0, &this_cpu_read(processors.page)->events);
	ringfold_register_request_pages();
	ringfold_init_spinlocks();
}

/* What another CPU needs and keeps. While one starts no interrupt can be made, so they are made before. */
static int __init allocate(unsigned int cpu)
{
	struct processor *processor = &per_cpu(processors, cpu);

	processor->page = (void *)get_zeroed_page(GFP_KERNEL);
	processor->emergency_stack = __get_free_pages(GFP_KERNEL, 1);
	if (processor->page == NULL || processor->emergency_stack == 0)
		return -ENOMEM;
	ringfold_set_event_area(cpu, &processor->page->events);
	return ringfold_allocate_call_buffer(cpu) ?: bind_ipis(cpu) ?: ringfold_bind_timer(cpu) ?: ringfold_bind_kick(cpu);
}

static int package_of(int apic_id, int index_msb)
{
	return apic_id >> index_msb;
}

static unsigned int own_apic_id(unsigned long value)
{
	return raw_smp_processor_id();
}

/* There is none, but what tells packages apart asks it. */
static void __init replace_apic(void)
{
	static struct apic no_apic __ro_after_init;

	no_apic = *apic;
	no_apic.phys_pkg_id = package_of;
	no_apic.get_apic_id = own_apic_id;
	apic = &no_apic;
}

static void __init ringfold_prepare_cpus(unsigned int most)
{
	unsigned int cpu;

	replace_apic();
	smp_prepare_cpus_common();
	speculative_store_bypass_ht_init();
	if (bind_ipis(0) != 0 || ringfold_bind_kick(0) != 0)
		panic("Ringfold: no interrupts between CPUs\n");
	for_each_present_cpu(cpu) {
		/* As processor.c says: each a package of its own. */
		per_cpu(x86_cpu_to_apicid, cpu) = cpu;
		per_cpu(x86_bios_cpu_apicid, cpu) = cpu;
		if (cpu == 0)
			continue;
		/* Those that maxcpus= leaves out may be wanted later; nosmp wants none, ever. */
		if (most == 0 || allocate(cpu) != 0)
			set_cpu_present(cpu, false);
	}
}

/* The first code on another CPU: like the end of the boot CPU's way through start_kernel(). */
static noinline void __noreturn start_cpu(void)
{
	unsigned int cpu = smp_processor_id();

	ringfold_init_vcpu_page(this_cpu_read(processors.emergency_stack) + 2 * PAGE_SIZE);
	ringfold_register_call_buffer();
	ringfold_register_request_pages();
	ringfold_set_current_root(init_top_pgt);
	cr4_init();
	cpu_init_secondary();
	smp_store_cpu_info(cpu);
	cpu_data(cpu).x86_max_cores = 1;
	set_cpu_sibling_map(cpu);
	speculative_store_bypass_ht_init();
	ringfold_start_timer();
	notify_cpu_starting(cpu);
	set_cpu_online(cpu, true);
	cpu_set_state_online(cpu);
	local_irq_enable();
	cpu_startup_entry(CPUHP_AP_ONLINE_IDLE);
	unreachable();
}

static int start(unsigned int cpu, struct task_struct *idle)
{
	struct ringfold_vcpu_context *context;
	struct ringfold_hypercall_result result;
	unsigned long flags;

	cpumask_set_cpu(cpu, cpu_callout_mask); /* cpu_init() may go on */
	do {
		local_irq_save(flags);
		context = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
		*context = (struct ringfold_vcpu_context){
			.rip = (u64)start_cpu,
			.rsp = (u64)task_pt_regs(idle) - sizeof(long), /* as if it had been called */
			.root = ringfold_machine_frame(init_top_pgt),
			.vcpu_page = ringfold_machine_frame(per_cpu(processors, cpu).page),
			.gs_base = per_cpu_offset(cpu),
		};
		result = ringfold_vcpu_start(cpu, RINGFOLD_ANSWER_OFFSET);
		local_irq_restore(flags);
	} while (result.status == -RINGFOLD_EAGAIN);
	return result.status;
}

static int ringfold_cpu_up(unsigned int cpu, struct task_struct *idle)
{
	int error = common_cpu_up(cpu, idle) ?: cpu_check_up_prepare(cpu) ?: start(cpu, idle);

	if (error != 0) {
		pr_err("Ringfold: CPU %u does not start: %d\n", cpu, error);
		return error;
	}
	while (cpu_report_state(cpu) != CPU_ONLINE)
		(void)ringfold_yield();
	return 0;
}

static void __init ringfold_cpus_done(unsigned int most)
{
	calculate_max_logical_packages();
}

static int ringfold_cpu_disable(void)
{
	if (smp_processor_id() == 0)
		return -EBUSY;
	cpu_disable_common();
	return 0;
}

static void ringfold_cpu_die(unsigned int cpu)
{
	while (ringfold_vcpu_state(cpu).value != RINGFOLD_VCPU_OFFLINE) {
		__set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_timeout(1);
	}
	(void)common_cpu_die(cpu);
}

static void ringfold_play_dead(void)
{
	play_dead_common();
	(void)ringfold_vcpu_stop();
	BUG();
}

static void stop_self(void *unused)
{
	set_cpu_online(smp_processor_id(), false);
	for (;;)
		(void)ringfold_vcpu_stop();
}

static void ringfold_stop_other_cpus(int wait)
{
	smp_call_function(stop_self, NULL, wait);
}

static const struct smp_ops ringfold_smp_ops __initconst = {
	.smp_prepare_boot_cpu = ringfold_prepare_boot_cpu,
	.smp_prepare_cpus = ringfold_prepare_cpus,
	.smp_cpus_done = ringfold_cpus_done,
	.stop_other_cpus = ringfold_stop_other_cpus,
	.crash_stop_other_cpus = NULL,
	.smp_send_reschedule = ringfold_send_reschedule,
	.cpu_up = ringfold_cpu_up,
	.cpu_disable = ringfold_cpu_disable,
	.cpu_die = ringfold_cpu_die,
	.play_dead = ringfold_play_dead,
	.send_call_func_ipi = ringfold_send_call_function,
	.send_call_func_single_ipi = ringfold_send_call_single,
};

void __init ringfold_init_smp(void)
{
	smp_ops = ringfold_smp_ops;
	x86_init.mpparse.get_smp_config = ringfold_get_smp_config;
}
