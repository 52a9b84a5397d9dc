// SPDX-License-Identifier: GPL-2.0
/* Events of the hypervisor as interrupts: a port, an interrupt number. include/ringfold/event.h has the protocol. */
#include <linux/interrupt.h>
#include <linux/irq.h>

#include <asm/i8259.h>
#include <asm/idtentry.h>
#include <asm/irq_regs.h>
#include <asm/x86_init.h>

#include "ringfold.h"

#define WORD_BITS 64

/* Interrupt numbers by port; 0: none. */
static unsigned int irq_of_port[RINGFOLD_EVENT_AREA_PORTS];

static unsigned long *word_of(u64 *words, unsigned int port)
{
	return (unsigned long *)&words[port / WORD_BITS];
}

static void mask_port(struct irq_data *data)
{
	unsigned long port = (unsigned long)irq_data_get_irq_chip_data(data);

	set_bit(port % WORD_BITS, word_of(ringfold_vcpu_page()->events.masked, port));
}

static void unmask_port(struct irq_data *data)
{
	unsigned long port = (unsigned long)irq_data_get_irq_chip_data(data);

	clear_bit(port % WORD_BITS, word_of(ringfold_vcpu_page()->events.masked, port));
	if (test_bit(port % WORD_BITS, word_of(ringfold_vcpu_page()->events.pending, port)))
		(void)ringfold_event_unmask(port);
}

static struct irq_chip port_chip = {
	.name = "ringfold",
	.irq_mask = mask_port,
	.irq_unmask = unmask_port,
};

static void serve_word(struct ringfold_event_area *events, unsigned int word)
{
	unsigned long pending = READ_ONCE(events->pending[word]) & ~READ_ONCE(events->masked[word]);
	unsigned int bit;

	for_each_set_bit(bit, &pending, WORD_BITS) {
		unsigned int port = word * WORD_BITS + bit;

		if (test_and_clear_bit(bit, (unsigned long *)&events->pending[word]) && irq_of_port[port] != 0)
			generic_handle_irq(irq_of_port[port]);
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

int ringfold_bind_virtual_irq(unsigned int virtual_irq, unsigned int cpu)
{
	struct ringfold_hypercall_result port = ringfold_event_bind_virtual(virtual_irq, cpu);
	int irq;

	if (port.status != 0)
		return port.status;
	if (port.value >= ARRAY_SIZE(irq_of_port))
		return -ENOSPC;
	irq = irq_alloc_desc(0);
	if (irq < 0)
		return irq;
	irq_set_chip_and_handler_name(irq, &port_chip, handle_percpu_irq, "virtual");
	irq_set_chip_data(irq, (void *)(unsigned long)port.value);
	irq_of_port[port.value] = irq;
	return irq;
}

void __init ringfold_init_events(void)
{
	legacy_pic = &null_legacy_pic;
	x86_init.irqs.intr_init = x86_init_noop;
}
