// SPDX-License-Identifier: GPL-2.0
/* System time and the one-shot timer of each vCPU: include/ringfold/vcpu.h. */
#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/interrupt.h>
#include <linux/math64.h>
#include <linux/pvclock_gtod.h>
#include <linux/static_call.h>
#include <linux/timekeeper_internal.h>

#include <asm/paravirt.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

#include "ringfold.h"

u64 notrace ringfold_system_time(void)
{
	const struct ringfold_time *time = &ringfold_vcpu_page()->time;
	u32 version;
	u64 now;

	do {
		u64 ticks;

		version = READ_ONCE(time->version);
		virt_rmb(); /* the version before what it covers */
		ticks = rdtsc_ordered() - time->tsc_timestamp;
		ticks = time->tsc_shift >= 0 ? ticks << time->tsc_shift : ticks >> -time->tsc_shift;
		now = time->system_time + mul_u64_u32_shr(ticks, time->tsc_multiplier, 32);
		virt_rmb(); /* and after it */
	} while ((version & 1) != 0 || version != READ_ONCE(time->version));
	return now;
}

static u64 read_clock(struct clocksource *source)
{
	return ringfold_system_time();
}

static struct clocksource clock = {
	.name = "ringfold",
	.rating = 400,
	.read = read_clock,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

/* Where all processors' counters are in step, programs can read the clock by themselves. */
static u64 read_counter(struct clocksource *source)
{
	return rdtsc_ordered();
}

static struct clocksource counter = {
	.name = "ringfold-tsc",
	.rating = 400,
	.read = read_counter,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
	.vdso_clock_mode = VDSO_CLOCKMODE_TSC,
};

static int stop_timer(struct clock_event_device *device)
{
	return ringfold_timer_set(0).status;
}

static int set_timer(unsigned long delta, struct clock_event_device *device)
{
	return ringfold_timer_set(ringfold_system_time() + delta).status;
}

static const struct clock_event_device timer_template = {
	.name = "ringfold",
	.features = CLOCK_EVT_FEAT_ONESHOT,
	.rating = 500,
	.mult = 1,
	.shift = 0,
	.min_delta_ns = 1000,
	.min_delta_ticks = 1000,
	.max_delta_ns = 0xffffffff,
	.max_delta_ticks = 0xffffffff,
	.set_state_shutdown = stop_timer,
	.set_next_event = set_timer,
};

static DEFINE_PER_CPU(struct clock_event_device, timer);
static DEFINE_PER_CPU(int, timer_irq);

static irqreturn_t handle_timer(int irq, void *data)
{
	struct clock_event_device *device = this_cpu_ptr(&timer);

	device->event_handler(device);
	return IRQ_HANDLED;
}

/* The interrupt of a CPU that goes and comes back stays. */
int ringfold_bind_timer(unsigned int cpu)
{
	int irq = per_cpu(timer_irq, cpu);
	int error;

	if (irq != 0)
		return 0;
	irq = ringfold_bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TIMER, cpu);
	if (irq < 0)
		return irq;
	error = request_irq(irq, handle_timer, IRQF_TIMER | IRQF_PERCPU | IRQF_NOBALANCING | IRQF_NO_SUSPEND, "timer", NULL);
	if (error != 0) {
		ringfold_unbind_irq(irq);
		return error;
	}
	per_cpu(timer_irq, cpu) = irq;
	return 0;
}

/* On the CPU itself. */
void ringfold_start_timer(void)
{
	struct clock_event_device *device = this_cpu_ptr(&timer);

	*device = timer_template;
	device->cpumask = cpumask_of(smp_processor_id());
	clockevents_register_device(device);
}

/* ticks = ns * 2^32 / multiplier >> shift */
static unsigned long ringfold_tsc_khz(void)
{
	const struct ringfold_time *time = &ringfold_vcpu_page()->time;
	u64 khz = div_u64(1000000ULL << 32, time->tsc_multiplier);

	return time->tsc_shift < 0 ? khz << -time->tsc_shift : khz >> time->tsc_shift;
}

static void __init ringfold_timer_init(void)
{
	if (ringfold_start_info->flags & RINGFOLD_START_TSC)
		clocksource_register_khz(&counter, ringfold_tsc_khz());
	else
		clocksource_register_hz(&clock, NSEC_PER_SEC);
	if (ringfold_bind_timer(0) != 0)
		panic("Ringfold: no timer interrupt\n");
	ringfold_start_timer();
}

/* A guest has no clock that runs while it does not; it begins with the time of day that the hypervisor tells. */
static void ringfold_get_wall_clock(struct timespec64 *time)
{
	const u64 base = ringfold_wall_clock_get().value;

	*time = ns_to_timespec64(base == 0 ? 0 : base + ringfold_system_time());
}

static int ringfold_set_no_wall_clock(const struct timespec64 *time)
{
	return -ENODEV;
}

#define WALL_CLOCK_PERIOD 60 /* s */

/*
 * Guests that start later have the control domain's time: also when somebody sets it, and when it is kept in step with other
 * machines' little by little. Holds the time keeper's lock.
 */
static int tell_wall_clock(struct notifier_block *block, unsigned long was_set, void *argument)
{
	static time64_t told;
	const struct timekeeper *keeper = argument;
	const u64 now = keeper->xtime_sec * NSEC_PER_SEC + (keeper->tkr_mono.xtime_nsec >> keeper->tkr_mono.shift);

	if (!was_set && keeper->xtime_sec - told < WALL_CLOCK_PERIOD)
		return NOTIFY_DONE;
	told = keeper->xtime_sec;
	ringfold_wall_clock_set(now - ringfold_system_time()); /* refused: they go by the machine's clock */
	return NOTIFY_OK;
}

static struct notifier_block wall_clock_block = {
	.notifier_call = tell_wall_clock,
};

static int __init ringfold_follow_wall_clock(void)
{
	return ringfold_control_domain ? pvclock_gtod_register_notifier(&wall_clock_block) : 0;
}
late_initcall(ringfold_follow_wall_clock);

void __init ringfold_init_time(void)
{
	if (!ringfold_control_domain) {
		x86_platform.get_wallclock = ringfold_get_wall_clock;
		x86_platform.set_wallclock = ringfold_set_no_wall_clock;
	}
	x86_init.timers.timer_init = ringfold_timer_init;
	x86_init.timers.setup_percpu_clockev = x86_init_noop;
	x86_cpuinit.setup_percpu_clockev = x86_init_noop;
	x86_platform.calibrate_tsc = ringfold_tsc_khz;
	x86_platform.calibrate_cpu = ringfold_tsc_khz;
}

/* What a CPU could have run, and others ran instead; in ns. */
static u64 ringfold_steal_clock(int cpu)
{
	const struct ringfold_vcpu_page *page = ringfold_vcpu_page_of(cpu);
	u32 version;
	u64 stolen;

	do {
		version = READ_ONCE(page->state_version);
		virt_rmb(); /* the version before what it covers */
		stolen = page->run_time[RINGFOLD_VCPU_RUNNABLE];
		if (page->state == RINGFOLD_VCPU_RUNNABLE)
			stolen += ringfold_system_time() - page->state_since;
		virt_rmb(); /* and after it */
	} while ((version & 1) != 0 || version != READ_ONCE(page->state_version));
	return stolen;
}

/* Once static calls and branches can be patched. */
void __init ringfold_init_sched_clock(void)
{
	paravirt_set_sched_clock(ringfold_system_time);
	static_call_update(pv_steal_clock, ringfold_steal_clock);
	static_key_slow_inc(&paravirt_steal_enabled);
}
