// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits long for a spin lock sleeps: a vCPU that spins takes time from the one that holds the lock. Each CPU has a port
 * that is always masked: it is polled, and never an interrupt, so that a waiter with interrupts off sleeps, too.
 */
#include <linux/hardirq.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include <asm/paravirt.h>
#include <asm/qspinlock.h>

#include "ringfold.h"

static DEFINE_PER_CPU(unsigned int, kick_port); /* 0: not yet, and waiters spin */
static DEFINE_PER_CPU(unsigned int, waits); /* of this CPU: interrupts may wait in the midst of a wait */

/* Returns early as it likes: the caller looks at `*state` again. */
static void ringfold_wait(u8 *state, u8 while_it_is)
{
	const unsigned int port = this_cpu_read(kick_port);

	if (port == 0 || in_nmi())
		return;
	/*
	 * A kick that came before this wait is not for it, and is taken away; then the caller looks whether it was for an
	 * earlier one. An interrupt takes nothing: the kick may be for the wait that it is in the midst of.
	 */
	if (this_cpu_inc_return(waits) > 1 || !ringfold_take_pending(port)) {
		if (READ_ONCE(*state) == while_it_is)
			(void)ringfold_event_poll(RINGFOLD_KICK_PORT_OFFSET, 1, 0);
	}
	this_cpu_dec(waits);
}

static void ringfold_kick(int cpu)
{
	const unsigned int port = per_cpu(kick_port, cpu);

	if (port != 0)
		(void)ringfold_event_send(port);
}

/* Of a CPU that waits for a processor, nobody waits by spinning. */
__visible bool ringfold_vcpu_is_preempted(long cpu)
{
	const struct ringfold_vcpu_page *page = ringfold_vcpu_page_of(cpu);

	return page != NULL && READ_ONCE(page->preempted) != 0;
}
PV_CALLEE_SAVE_REGS_THUNK(ringfold_vcpu_is_preempted);

/* Another CPU's, before it starts, or the own one's. */
int ringfold_bind_kick(unsigned int cpu)
{
	int port;

	if (num_possible_cpus() == 1)
		return 0;
	port = ringfold_bind_silent_ipi(cpu);
	if (port < 0)
		return port;
	*(u32 *)ringfold_call_buffer_of(cpu, RINGFOLD_KICK_PORT_OFFSET) = port;
	per_cpu(kick_port, cpu) = port;
	return 0;
}

/* Before alternatives are patched. */
void __init ringfold_init_spinlocks(void)
{
	static_branch_disable(&virt_spin_lock_key);
	if (num_possible_cpus() == 1 || nopvspin)
		return;
	__pv_init_lock_hash();
	pv_ops.lock.queued_spin_lock_slowpath = __pv_queued_spin_lock_slowpath;
	pv_ops.lock.queued_spin_unlock = PV_CALLEE_SAVE(__pv_queued_spin_unlock);
	pv_ops.lock.wait = ringfold_wait;
	pv_ops.lock.kick = ringfold_kick;
	pv_ops.lock.vcpu_is_preempted = PV_CALLEE_SAVE(ringfold_vcpu_is_preempted);
}
