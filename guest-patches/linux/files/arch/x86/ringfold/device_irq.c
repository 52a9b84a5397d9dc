// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts of devices as ports: lines of the IO-APICs, and messages (MSI, MSI-X). The hypervisor masks a level-triggered
 * line when it fires, until it is told that the device has been served.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/msi.h>

#include <asm/hw_irq.h>

#include "ringfold.h"

/* The port is moved to one of the CPUs; the device and the interrupt controller know nothing of it. */
static int set_affinity(struct irq_data *data, unsigned int port, const struct cpumask *cpus)
{
	unsigned int cpu = cpumask_any_and(cpus, cpu_online_mask);

	if (cpu >= nr_cpu_ids || ringfold_move_port(port, cpu) != 0)
		return -EINVAL;
	irq_data_update_effective_affinity(data, cpumask_of(cpu));
	return IRQ_SET_MASK_OK_DONE;
}

/* --- lines --- */

static unsigned int port_of(struct irq_data *data)
{
	return (unsigned long)irq_data_get_irq_chip_data(data);
}

static void mask_line(struct irq_data *data)
{
	ringfold_mask_port(port_of(data));
}

static void unmask_line(struct irq_data *data)
{
	ringfold_unmask_port(port_of(data));
}

static void ack_line(struct irq_data *data)
{
	/* The upcall has cleared the pending bit, and the hypervisor told the processor. */
}

static void end_line(struct irq_data *data)
{
	(void)ringfold_event_end_of_interrupt(port_of(data));
}

static int set_line_affinity(struct irq_data *data, const struct cpumask *cpus, bool force)
{
	return set_affinity(data, port_of(data), cpus);
}

static struct irq_chip level_chip = {
	.name = "ringfold-line",
	.irq_set_affinity = set_line_affinity,
	.irq_mask = mask_line,
	.irq_unmask = unmask_line,
	.irq_eoi = end_line,
};

static struct irq_chip edge_chip = {
	.name = "ringfold-edge",
	.irq_set_affinity = set_line_affinity,
	.irq_mask = mask_line,
	.irq_unmask = unmask_line,
	.irq_ack = ack_line,
};

static void set_line_handler(int irq, unsigned long port, bool level_triggered)
{
	ringfold_mask_port(port);
	irq_set_chip_data(irq, (void *)port);
	if (level_triggered)
		irq_set_chip_and_handler_name(irq, &level_chip, handle_fasteoi_irq, "level");
	else
		irq_set_chip_and_handler_name(irq, &edge_chip, handle_edge_irq, "edge");
}

int ringfold_bind_line(u32 gsi, bool level_triggered, bool active_low)
{
	struct ringfold_hypercall_result port;
	int irq;

	if (irq_to_desc(gsi) != NULL)
		return gsi; /* a line that several devices share */
	irq = irq_alloc_desc_at(gsi, 0);
	if (irq < 0)
		return irq;
	port = ringfold_event_bind_physical(gsi, (level_triggered ? RINGFOLD_EVENT_LEVEL : 0) |
						 (active_low ? RINGFOLD_EVENT_ACTIVE_LOW : 0), 0);
	if (port.status != 0) {
		irq_free_desc(irq);
		return port.status;
	}
	set_line_handler(irq, port.value, level_triggered);
	return ringfold_set_port_irq(port.value, irq) ?: irq;
}

/* --- messages: an interrupt domain whose hardware numbers are ports, below the one of PCI --- */

struct message {
	unsigned int port;
	struct msi_msg text;
};

static void compose_message(struct irq_data *data, struct msi_msg *text)
{
	*text = ((const struct message *)irq_data_get_irq_chip_data(data))->text;
}

static void mask_message(struct irq_data *data)
{
	ringfold_mask_port(data->hwirq);
}

static void unmask_message(struct irq_data *data)
{
	ringfold_unmask_port(data->hwirq);
}

static int set_message_affinity(struct irq_data *data, const struct cpumask *cpus, bool force)
{
	return set_affinity(data, data->hwirq, cpus);
}

static struct irq_chip message_chip = {
	.name = "ringfold-message",
	.irq_set_affinity = set_message_affinity,
	.irq_mask = mask_message,
	.irq_unmask = unmask_message,
	.irq_ack = ack_line,
	.irq_compose_msi_msg = compose_message,
};

static int bind_message(struct message *message)
{
	const struct ringfold_event_message *answer = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	struct ringfold_hypercall_result port;
	unsigned long flags;

	local_irq_save(flags);
	port = ringfold_event_bind_message(0, RINGFOLD_ANSWER_OFFSET);
	message->text.address_lo = answer->address;
	message->text.address_hi = answer->address >> 32;
	message->text.data = answer->data;
	local_irq_restore(flags);
	message->port = port.value;
	return port.status;
}

static void free_message(struct irq_domain *domain, unsigned int irq)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, irq);
	struct message *message = data != NULL ? irq_data_get_irq_chip_data(data) : NULL;

	if (message == NULL)
		return;
	(void)ringfold_set_port_irq(message->port, 0);
	(void)ringfold_event_close(message->port);
	irq_domain_reset_irq_data(data);
	kfree(message);
}

static int allocate_message(struct irq_domain *domain, unsigned int irq)
{
	struct message *message = kzalloc(sizeof(*message), GFP_KERNEL);
	int error;

	if (message == NULL)
		return -ENOMEM;
	error = bind_message(message);
	if (error != 0) {
		kfree(message);
		return error;
	}
	ringfold_mask_port(message->port);
	irq_domain_set_info(domain, irq, message->port, &message_chip, message, handle_edge_irq, NULL, "edge");
	return ringfold_set_port_irq(message->port, irq);
}

static void free_messages(struct irq_domain *domain, unsigned int irq, unsigned int count)
{
	unsigned int index;

	for (index = 0; index < count; index++)
		free_message(domain, irq + index);
}

static int allocate_messages(struct irq_domain *domain, unsigned int irq, unsigned int count, void *info)
{
	unsigned int index;

	for (index = 0; index < count; index++) {
		int error = allocate_message(domain, irq + index);

		if (error != 0) {
			free_messages(domain, irq, index + 1);
			return error;
		}
	}
	return 0;
}

static const struct irq_domain_ops message_operations = {
	.alloc = allocate_messages,
	.free = free_messages,
};

/* The device's own mask bit, where it has one, and the port's. */
static void mask_pci_message(struct irq_data *data)
{
	pci_msi_mask_irq(data);
	irq_chip_mask_parent(data);
}

static void unmask_pci_message(struct irq_data *data)
{
	irq_chip_unmask_parent(data);
	pci_msi_unmask_irq(data);
}

static struct irq_chip pci_chip = {
	.name = "ringfold-msi",
	.irq_mask = mask_pci_message,
	.irq_unmask = unmask_pci_message,
	.irq_ack = irq_chip_ack_parent,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

static struct msi_domain_info pci_information = {
	.flags = MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_USE_DEF_CHIP_OPS | MSI_FLAG_PCI_MSIX,
	.chip = &pci_chip,
	.handler = handle_edge_irq,
	.handler_name = "edge",
};

struct irq_domain *__init ringfold_create_message_domain(void)
{
	struct fwnode_handle *node = irq_domain_alloc_named_fwnode("ringfold");
	struct irq_domain *messages = node != NULL ? irq_domain_create_tree(node, &message_operations, NULL) : NULL;

	node = irq_domain_alloc_named_fwnode("ringfold-pci");
	return messages != NULL && node != NULL ? pci_msi_create_irq_domain(node, &pci_information, messages) : NULL;
}
