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

static void end_line(struct irq_data *data)
{
	(void)ringfold_event_end_of_interrupt(irqd_to_hwirq(data));
}

/* --- lines --- */

static struct irq_chip level_chip = {
	.name = "ringfold-line",
	.irq_set_affinity = ringfold_set_irq_affinity,
	.irq_mask = ringfold_mask_irq,
	.irq_unmask = ringfold_unmask_irq,
	.irq_eoi = end_line,
};

static struct irq_chip edge_chip = {
	.name = "ringfold-edge",
	.irq_set_affinity = ringfold_set_irq_affinity,
	.irq_mask = ringfold_mask_irq,
	.irq_unmask = ringfold_unmask_irq,
	.irq_ack = ringfold_acknowledge_irq,
};

/* Nobody hears of it before somebody has requested it. */
static int attach_masked(struct irq_data *data, unsigned int port)
{
	int error = ringfold_attach_port(data, port, 0);

	if (error == 0)
		ringfold_mask_irq(data);
	return error;
}

int ringfold_bind_line(u32 gsi, bool level_triggered, bool active_low)
{
	struct ringfold_hypercall_result port;
	int error;
	int irq;

	if (irq_to_desc(gsi) != NULL)
		return gsi; /* a line that several devices share */
	irq = irq_alloc_desc_at(gsi, 0);
	if (irq < 0)
		return irq;
	port = ringfold_event_bind_physical(gsi, (level_triggered ? RINGFOLD_EVENT_LEVEL : 0) |
						 (active_low ? RINGFOLD_EVENT_ACTIVE_LOW : 0), 0);
	error = port.status ?: attach_masked(irq_get_irq_data(irq), port.value);
	if (error != 0) {
		irq_free_desc(irq);
		return error;
	}
	if (level_triggered)
		irq_set_chip_and_handler_name(irq, &level_chip, handle_fasteoi_irq, "level");
	else
		irq_set_chip_and_handler_name(irq, &edge_chip, handle_edge_irq, "edge");
	return irq;
}

/* --- messages: an interrupt domain whose hardware numbers are ports, below the one of PCI --- */

static void compose_message(struct irq_data *data, struct msi_msg *message)
{
	*message = *(const struct msi_msg *)irq_data_get_irq_chip_data(data);
}

static struct irq_chip message_chip = {
	.name = "ringfold-message",
	.irq_set_affinity = ringfold_set_irq_affinity,
	.irq_mask = ringfold_mask_irq,
	.irq_unmask = ringfold_unmask_irq,
	.irq_ack = ringfold_acknowledge_irq,
	.irq_compose_msi_msg = compose_message,
};

static struct ringfold_hypercall_result bind_message(struct msi_msg *message)
{
	const struct ringfold_event_message *answer = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	struct ringfold_hypercall_result port;
	unsigned long flags;

	local_irq_save(flags);
	port = ringfold_event_bind_message(0, RINGFOLD_ANSWER_OFFSET);
	message->address_lo = answer->address;
	message->address_hi = answer->address >> 32;
	message->data = answer->data;
	local_irq_restore(flags);
	return port;
}

static void free_message(struct irq_domain *domain, unsigned int irq)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, irq);
	struct msi_msg *message = data != NULL ? irq_data_get_irq_chip_data(data) : NULL;

	if (message == NULL)
		return;
	ringfold_close_port(irqd_to_hwirq(data));
	irq_domain_reset_irq_data(data);
	kfree(message);
}

static int allocate_message(struct irq_domain *domain, unsigned int irq)
{
	struct msi_msg *message = kzalloc(sizeof(*message), GFP_KERNEL);
	struct ringfold_hypercall_result port;
	int error;

	if (message == NULL)
		return -ENOMEM;
	port = bind_message(message);
	error = port.status ?: attach_masked(irq_domain_get_irq_data(domain, irq), port.value);
	if (error != 0) {
		kfree(message);
		return error;
	}
	irq_domain_set_info(domain, irq, port.value, &message_chip, message, handle_edge_irq, NULL, "edge");
	return 0;
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
