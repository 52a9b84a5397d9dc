// SPDX-License-Identifier: GPL-2.0
/*
 * Events of the hypervisor as interrupts: a port, an interrupt number. include/ringfold/event.h has the protocol.
 *
 * The hypervisor changes bits of the same words on other CPUs. A kernel with one CPU takes the lock prefixes of set_bit() and
 * its like away (alternative_instructions()); those of sync_set_bit() stay.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>

#include <asm/i8259.h>
#include <asm/idtentry.h>
#include <asm/irq_regs.h>
#include <asm/sync_bitops.h>
#include <asm/x86_init.h>

#include "ringfold.h"

#define WORD_BITS 64
/* By port: the number of the interrupt, 0 for none, and the CPU that serves it. The port is the interrupt's hwirq. */
static unsigned int irq_of_port[RINGFOLD_EVENT_AREA_PORTS];
static unsigned int cpu_of_port[RINGFOLD_EVENT_AREA_PORTS];
static DEFINE_PER_CPU(struct ringfold_event_area *, event_area);

static unsigned long *word_of(u64 *words, unsigned int port)
{
	return (unsigned long *)&words[port / WORD_BITS];
}

static struct ringfold_event_area *area_of(unsigned int port)
{
	return per_cpu(event_area, cpu_of_port[port]);
}

static void mask_port(unsigned int port)
{
	sync_set_bit(port % WORD_BITS, word_of(area_of(port)->masked, port));
}

/* Interrupts whose hardware number is a port. */
void ringfold_mask_irq(struct irq_data *data)
{
	mask_port(irqd_to_hwirq(data));
}

void ringfold_unmask_irq(struct irq_data *data)
{
	unsigned int port = irqd_to_hwirq(data);

	sync_clear_bit(port % WORD_BITS, word_of(area_of(port)->masked, port));
	if (test_bit(port % WORD_BITS, word_of(area_of(port)->pending, port)))
		(void)ringfold_event_unmask(port);
}

/* A port that has no place in the vCPU's page is closed again. */
static int serve_port(unsigned int port, unsigned int cpu)
{
	if (port >= ARRAY_SIZE(cpu_of_port)) {
		(void)ringfold_event_close(port);
		return -ENOSPC;
	}
	cpu_of_port[port] = cpu;
	return 0;
}

/* A port that was closed may come again as another CPU's: both are set, before anybody can look for its bits. */
int ringfold_attach_port(struct irq_data *data, unsigned int port, unsigned int cpu)
{
	int error = serve_port(port, cpu);

	if (error != 0)
		return error;
	data->hwirq = port;
	WRITE_ONCE(irq_of_port[port], data->irq);
	return 0;
}

void ringfold_close_port(unsigned int port)
{
	WRITE_ONCE(irq_of_port[port], 0);
	(void)ringfold_event_close(port);
}

static struct irq_chip port_chip = {
	.name = "ringfold",
	.irq_mask = ringfold_mask_irq,
	.irq_unmask = ringfold_unmask_irq,
};

static void serve_word(struct ringfold_event_area *events, unsigned int word)
{
	unsigned long pending = READ_ONCE(events->pending[word]) & ~READ_ONCE(events->masked[word]);
	unsigned int bit;

	for_each_set_bit(bit, &pending, WORD_BITS) {
		unsigned int port = word * WORD_BITS + bit;

		unsigned int irq = READ_ONCE(irq_of_port[port]);

		if (sync_test_and_clear_bit(bit, (unsigned long *)&events->pending[word]) && irq != 0)
			generic_handle_irq(irq);
	}
}

DEFINE_IDTENTRY_SYSVEC(sysvec_ringfold_upcall)
{
	struct pt_regs *old = set_irq_regs(regs);
	struct ringfold_vcpu_page *page = ringfold_vcpu_page();
	struct ringfold_event_area *events = &page->events;

	inc_irq_stat(irq_hv_callback_count);
	while (xchg(&page->upcall_pending, 0) != 0) {
		unsigned long selector = xchg(&events->selector, 0);
		unsigned int upper;

		for_each_set_bit(upper, &selector, WORD_BITS) {
			unsigned long words = xchg(&events->selectors[upper], 0);
			unsigned int word;

			for_each_set_bit(word, &words, WORD_BITS) {
				if (upper == 0 && word < ARRAY_SIZE(events->pending))
					serve_word(events, word);
			}
		}
	}
	set_irq_regs(old);
}

int ringfold_add_port(struct ringfold_hypercall_result port, unsigned int cpu, struct irq_chip *chip,
		      irq_flow_handler_t handler, const char *kind)
{
	int error;
	int irq;

	if (port.status != 0)
		return port.status;
	irq = irq_alloc_desc_from(RINGFOLD_FIRST_VIRTUAL_IRQ, cpu_to_node(cpu));
	if (irq < 0) {
		(void)ringfold_event_close(port.value);
		return irq;
	}
	irq_set_chip_and_handler_name(irq, chip, handler, kind);
	error = ringfold_attach_port(irq_get_irq_data(irq), port.value, cpu);
	if (error != 0) {
		irq_free_desc(irq);
		return error;
	}
	return irq;
}

int ringfold_bind_virtual_irq(unsigned int virtual_irq, unsigned int cpu)
{
	return ringfold_add_port(ringfold_event_bind_virtual(virtual_irq, cpu), cpu, &port_chip, handle_percpu_irq, "virtual");
}

int ringfold_bind_ipi(unsigned int cpu)
{
	return ringfold_add_port(ringfold_event_bind_ipi(cpu), cpu, &port_chip, handle_percpu_irq, "ipi");
}

int ringfold_bind_silent_ipi(unsigned int cpu)
{
	struct ringfold_hypercall_result port = ringfold_event_bind_ipi(cpu);
	int error = port.status ?: serve_port(port.value, cpu);

	if (error != 0)
		return error;
	mask_port(port.value);
	return port.value;
}

bool ringfold_take_pending(unsigned int port)
{
	return sync_test_and_clear_bit(port % WORD_BITS, word_of(area_of(port)->pending, port));
}

unsigned int ringfold_port_of_irq(unsigned int irq)
{
	return irqd_to_hwirq(irq_get_irq_data(irq));
}

/* Nobody has requested it any more. */
void ringfold_unbind_irq(unsigned int irq)
{
	ringfold_close_port(ringfold_port_of_irq(irq));
	irq_free_desc(irq);
}

/*
 * The port is moved to one of the CPUs; the device and the interrupt controller know nothing of it. Its bits move with it:
 * nobody may change them meanwhile, which the lock of its interrupt sees to.
 */
int ringfold_set_irq_affinity(struct irq_data *data, const struct cpumask *cpus, bool force)
{
	unsigned int cpu = cpumask_any_and(cpus, cpu_online_mask);
	unsigned int port = irqd_to_hwirq(data);

	if (cpu >= nr_cpu_ids || ringfold_event_move(port, cpu).status != 0)
		return -EINVAL;
	cpu_of_port[port] = cpu;
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK_DONE;
}

void ringfold_acknowledge_irq(struct irq_data *data)
{
	/* The upcall has cleared the pending bit, and the hypervisor told the processor. */
}

void ringfold_set_event_area(unsigned int cpu, struct ringfold_event_area *area)
{
	per_cpu(event_area, cpu) = area;
}

void __init ringfold_init_events(void)
{
	ringfold_set_event_area(0, &ringfold_vcpu_page()->events);
	legacy_pic = &null_legacy_pic;
	x86_init.irqs.intr_init = x86_init_noop;
}
