// SPDX-License-Identifier: GPL-2.0
/* Ports that are connected with ports of other domains, as interrupts that may move between CPUs. */
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>

#include <asm/ringfold.h>

#include <linux/ringfold_device.h>

#include <ringfold/domain.h>
#include <ringfold/event.h>

#include "ringfold.h"

struct ringfold_control_place ringfold_control_place __ro_after_init;
EXPORT_SYMBOL_GPL(ringfold_control_place);
static unsigned int own_domain __ro_after_init;

static struct irq_chip channel_chip = {
	.name = "ringfold-channel",
	.irq_set_affinity = ringfold_set_irq_affinity,
	.irq_ack = ringfold_acknowledge_irq,
	.irq_mask = ringfold_mask_irq,
	.irq_unmask = ringfold_unmask_irq,
};

/* Nobody hears of it before somebody has requested it. */
static int add_channel(struct ringfold_hypercall_result port, unsigned int cpu)
{
	int irq = ringfold_add_port(port, cpu, &channel_chip, handle_edge_irq, "channel");

	if (irq >= 0) {
		/* Who disables it wants no upcall more, not one. */
		irq_set_status_flags(irq, IRQ_DISABLE_UNLAZY);
		ringfold_mask_irq(irq_get_irq_data(irq));
	}
	return irq;
}

int ringfold_offer_channel(unsigned int domain, unsigned int cpu)
{
	return add_channel(ringfold_event_offer(RINGFOLD_DOMAIN_SELF, domain, cpu), cpu);
}
EXPORT_SYMBOL_GPL(ringfold_offer_channel);

int ringfold_connect_channel(unsigned int domain, u32 port, unsigned int cpu)
{
	return add_channel(ringfold_event_connect(domain, port, cpu), cpu);
}
EXPORT_SYMBOL_GPL(ringfold_connect_channel);

void ringfold_close_channel(int irq)
{
	ringfold_unbind_irq(irq);
}
EXPORT_SYMBOL_GPL(ringfold_close_channel);

u32 ringfold_channel_port(int irq)
{
	return ringfold_port_of_irq(irq);
}
EXPORT_SYMBOL_GPL(ringfold_channel_port);

void ringfold_notify(int irq)
{
	(void)ringfold_event_send(ringfold_port_of_irq(irq));
}
EXPORT_SYMBOL_GPL(ringfold_notify);

bool ringfold_channel_connected(int irq)
{
	const struct ringfold_event_status *status;
	unsigned long flags;
	bool connected;

	local_irq_save(flags);
	status = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	connected = ringfold_event_status_read(ringfold_port_of_irq(irq), RINGFOLD_ANSWER_OFFSET).status == 0 &&
		    status->kind == RINGFOLD_EVENT_INTERDOMAIN;
	local_irq_restore(flags);
	return connected;
}
EXPORT_SYMBOL_GPL(ringfold_channel_connected);

unsigned int ringfold_own_domain(void)
{
	return own_domain;
}
EXPORT_SYMBOL_GPL(ringfold_own_domain);

static bool describe(unsigned int domain, struct ringfold_domain_info *info)
{
	unsigned long flags;
	bool described;

	local_irq_save(flags);
	described = ringfold_domain_describe(domain, RINGFOLD_ANSWER_OFFSET).status == 0;
	*info = *(const struct ringfold_domain_info *)ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	local_irq_restore(flags);
	return described;
}

bool ringfold_domain_lives(unsigned int domain)
{
	struct ringfold_domain_info info;

	return describe(domain, &info) && info.state < RINGFOLD_DOMAIN_ENDED;
}
EXPORT_SYMBOL_GPL(ringfold_domain_lives);

unsigned int ringfold_domain_vcpus(unsigned int domain)
{
	struct ringfold_domain_info info;

	return describe(domain, &info) ? info.vcpu_count : 0;
}
EXPORT_SYMBOL_GPL(ringfold_domain_vcpus);

static int __init note_control_place(void)
{
	if (!ringfold_domain)
		return 0;
	own_domain = ringfold_start_info->domain_id;
	ringfold_control_place = (struct ringfold_control_place){
		.domain = ringfold_start_info->control_domain,
		.reference = ringfold_start_info->control_reference,
		.port = ringfold_start_info->control_port,
	};
	return 0;
}
early_initcall(note_control_place);
