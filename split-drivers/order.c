// SPDX-License-Identifier: GPL-2.0
/* What a user wants of this guest as a whole: orders on the control page. */
#include <linux/cpu.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/pm_wakeup.h>
#include <linux/slab.h>
#include <linux/suspend.h>
#include <linux/sysrq.h>

#include <asm/ringfold.h>

#include "bus.h"

/* How often an order is read again that changes while it is read. */
#define READ_ATTEMPTS 16U
/* Orders that were taken up and not carried out; more stay where they are, and the last one of them replaces the others. */
#define PENDING_MOST 16

struct taken_order {
	struct work_struct work;
	u32 count;
	u32 order;
	u32 argument;
};

static u32 last_order; /* the count of the one that was taken up */
static atomic_t pending;
static struct workqueue_struct *worker;
static struct wakeup_source *wakeup; /* counts orders, for the one to suspend */

/* The first `wanted` CPUs, and no others. One that cannot come or go is told, and the others still do. */
static void use_cpus(u32 wanted)
{
	unsigned int cpu;
	int error;

	for_each_present_cpu(cpu) {
		if (cpu_online(cpu) == (cpu < wanted) || cpu == 0)
			continue;
		error = cpu < wanted ? add_cpu(cpu) : remove_cpu(cpu);
		if (error != 0)
			pr_err("ringfold: told to run on %u CPUs: CPU %u: %d\n", wanted, cpu, error);
	}
}

static void use_memory(u32 mebibytes)
{
	if (ringfold_set_memory_target(mebibytes) != 0)
		pr_err_ratelimited("ringfold: told to have %u MiB of memory, which cannot be\n", mebibytes);
}

/*
 * Sleeps until another order comes, or does not begin if one has come already: that one is either seen here, or counted
 * after the events were, and then the suspension is given up (as in kernel/power/autosleep.c).
 */
static void sleep_until_next(u32 count)
{
	unsigned int events;
	int error;

	if (!pm_get_wakeup_count(&events, true) || READ_ONCE(last_order) != count || !pm_save_wakeup_count(events))
		return;
	pr_info("ringfold: told to suspend\n");
	error = pm_suspend(PM_SUSPEND_TO_IDLE);
	if (error != 0 && READ_ONCE(last_order) == count)
		pr_err("ringfold: told to suspend, which failed: %d\n", error);
	else
		pr_info("ringfold: told to go on\n");
}

static void carry_out(struct work_struct *work)
{
	struct taken_order *taken = container_of(work, struct taken_order, work);
	const u32 count = taken->count;
	const u32 order = taken->order;
	const u32 argument = taken->argument;

	kfree(taken);
	switch (order) {
	case RINGFOLD_ORDER_POWER_OFF:
		pr_info("ringfold: told to power off\n");
		orderly_poweroff(true);
		break;
	case RINGFOLD_ORDER_REBOOT:
		pr_info("ringfold: told to reboot\n");
		orderly_reboot();
		break;
	case RINGFOLD_ORDER_SYSTEM_REQUEST:
		handle_sysrq(argument);
		break;
	case RINGFOLD_ORDER_VCPUS:
		use_cpus(argument);
		break;
	case RINGFOLD_ORDER_MEMORY:
		use_memory(argument);
		break;
	case RINGFOLD_ORDER_SUSPEND:
		sleep_until_next(count);
		break;
	case RINGFOLD_ORDER_RESUME:
		break;
	default:
		pr_warn_ratelimited("ringfold: an order that this kernel does not know: %u\n", order);
		break;
	}
	/* What was left where it was. */
	if (atomic_dec_return(&pending) == PENDING_MOST - 1)
		front_look_again();
}

/*
 * One after the other, and not by who calls: a CPU that goes waits for requests of its disks, and those may wait for a
 * connection.
 */
static void carry_out_soon(u32 count, u32 order, u32 argument)
{
	struct taken_order *taken = worker != NULL ? kmalloc(sizeof(*taken), GFP_KERNEL) : NULL;

	if (taken == NULL) {
		pr_err_ratelimited("ringfold: no memory for order %u\n", order);
		return;
	}
	INIT_WORK(&taken->work, carry_out);
	taken->count = count;
	taken->order = order;
	taken->argument = argument;
	atomic_inc(&pending);
	queue_work(worker, &taken->work);
}

void front_take_order(struct ringfold_control_page *page)
{
	unsigned int attempts = 0;
	u32 argument;
	u32 count;
	u32 order;

	do {
		/* Before the order. */
		count = smp_load_acquire(&page->order_count);
		order = READ_ONCE(page->order);
		argument = READ_ONCE(page->order_argument);
		/* No load of the order moves behind the second one of the count. */
		smp_rmb();
	} while (count != READ_ONCE(page->order_count) && ++attempts < READ_ATTEMPTS);
	if (count == last_order || attempts == READ_ATTEMPTS || atomic_read(&pending) >= PENDING_MOST)
		return;
	WRITE_ONCE(last_order, count);
	WRITE_ONCE(page->order_seen, count);
	carry_out_soon(count, order, argument);
	pm_wakeup_ws_event(wakeup, 0, true);
}

static int __init start_orders(void)
{
	if (!ringfold_domain)
		return 0;
	wakeup = wakeup_source_register(NULL, "ringfold-order");
	worker = alloc_ordered_workqueue("ringfold-order", 0);
	return worker != NULL ? 0 : -ENOMEM;
}
core_initcall(start_orders);
