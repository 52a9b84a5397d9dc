// SPDX-License-Identifier: GPL-2.0
/*
 * The machine below the control domain: firmware's tables, PCI and interrupt lines. Interrupt controllers are the
 * hypervisor's, so the kernel takes the machine for one without any, and lines are bound to ports by their numbers.
 */
#include <linux/acpi.h>
#include <linux/cpuidle.h>
#include <linux/pci.h>

#include <asm/io_apic.h>
#include <asm/pci_x86.h>
#include <asm/setup.h>
#include <asm/x86_init.h>

#include "ringfold.h"

#ifdef CONFIG_ACPI

static int register_line(struct device *device, u32 gsi, int trigger, int polarity)
{
	return ringfold_bind_line(gsi, trigger == ACPI_LEVEL_SENSITIVE, polarity == ACPI_ACTIVE_LOW);
}

/* How the line of ACPI's own interrupt is wired, if not as ACPI says (level, active low). */
static bool sci_level __initdata = true;
static bool sci_active_low __initdata = true;

static int __init note_override(union acpi_subtable_headers *header, const unsigned long end)
{
	const struct acpi_madt_interrupt_override *override = (void *)header;
	const unsigned int polarity = override->inti_flags & ACPI_MADT_POLARITY_MASK;
	const unsigned int trigger = override->inti_flags & ACPI_MADT_TRIGGER_MASK;

	if (BAD_MADT_ENTRY(override, end) || override->source_irq != acpi_gbl_FADT.sci_interrupt)
		return 0;
	if (override->global_irq != override->source_irq)
		pr_warn("Ringfold: ACPI's interrupt %u is line %u, which is not supported\n", override->source_irq,
			override->global_irq);
	if (polarity != ACPI_MADT_POLARITY_CONFORMS)
		sci_active_low = polarity == ACPI_MADT_POLARITY_ACTIVE_LOW;
	if (trigger != ACPI_MADT_TRIGGER_CONFORMS)
		sci_level = trigger == ACPI_MADT_TRIGGER_LEVEL;
	return 0;
}

/* Before ACPI asks for its interrupt. */
static int __init set_up_lines(void)
{
	int irq;

	__acpi_register_gsi = register_line;
	__acpi_unregister_gsi = NULL;
	acpi_table_parse_madt(ACPI_MADT_TYPE_INTERRUPT_OVERRIDE, note_override, 0);
	irq = ringfold_bind_line(acpi_gbl_FADT.sci_interrupt, sci_level, sci_active_low);
	if (irq < 0)
		pr_err("Ringfold: no interrupt for ACPI: %d\n", irq);
	x86_init.irqs.create_pci_msi_domain = ringfold_create_message_domain;
#ifdef CONFIG_ACPI_SLEEP
	acpi_suspend_lowlevel = NULL; /* the machine is the hypervisor's to suspend */
#endif
	return 1; /* go on and look for configuration space */
}

/* Firmware is told that lines go to IO-APICs: they do, although the kernel does not see those. */
static int __init set_up_routing(void)
{
	int error = pci_acpi_init();

	if (ACPI_FAILURE(acpi_execute_simple_method(NULL, "\\_PIC", ACPI_IRQ_MODEL_IOAPIC)))
		pr_info("Ringfold: firmware has no choice of interrupt routing\n");
	return error;
}

static void __init use_machine(void)
{
	gsi_top = RINGFOLD_FIRST_VIRTUAL_IRQ; /* numbers below are those of lines */
	boot_params.acpi_rsdp_addr = __pa(ringfold_start_info->acpi_root);
	x86_init.pci.arch_init = set_up_lines;
	x86_init.pci.init = set_up_routing;
}

#else

static void __init use_machine(void)
{
}

#endif

/* Not even a complaint that there is none. */
static int __init do_not_look_for_pci(void)
{
	return 0;
}

void __init ringfold_init_devices(void)
{
	/* The first table that says "general protection fault" comes after the first look at PCI. */
	pci_probe |= PCI_PROBE_NOEARLY;
	disable_cpuidle();
	if (ringfold_control_domain) {
		use_machine();
		return;
	}
	disable_acpi();
	pci_probe = 0;
	x86_init.pci.arch_init = do_not_look_for_pci;
}
