// SPDX-License-Identifier: GPL-2.0
/* The first C code on Ringfold: what other ports find in boot parameters and firmware comes from the start-info page. */
#include <linux/console.h>
#include <linux/crash_core.h>
#include <linux/kernel.h>
#include <linux/memblock.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>

#include <asm/bootparam.h>
#include <asm/cpu.h>
#include <asm/desc.h>
#include <asm/e820/api.h>
#include <asm/paravirt.h>
#include <asm/reboot.h>
#include <asm/ringfold.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/text-patching.h>
#include <asm/tlbflush.h>
#include <asm/x86_init.h>

#include "ringfold.h"

struct ringfold_start_info *ringfold_start_info __initdata;
bool ringfold_domain __ro_after_init;
EXPORT_SYMBOL_GPL(ringfold_domain);
bool ringfold_control_domain __ro_after_init;
EXPORT_SYMBOL_GPL(ringfold_control_domain);

static void __noreturn shut_down(unsigned int reason)
{
	for (;;)
		(void)ringfold_shutdown(reason, 0);
}

static void ringfold_emergency_restart(void)
{
	shut_down(RINGFOLD_SHUTDOWN_REBOOT);
}

static void ringfold_restart(char *command)
{
	ringfold_emergency_restart();
}

static void ringfold_power_off(void)
{
	shut_down(RINGFOLD_SHUTDOWN_POWER_OFF);
}

static int panic_event(struct notifier_block *block, unsigned long event, void *text)
{
	if (!panic_timeout)
		shut_down(RINGFOLD_SHUTDOWN_CRASH);
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {
	.notifier_call = panic_event,
	.priority = INT_MIN,
};

static void __init ringfold_arch_setup(void)
{
	ringfold_init_sched_clock();
}

static void __init ringfold_set_legacy_features(void)
{
	x86_platform.legacy.reserve_bios_regions = 0;
	x86_platform.legacy.warm_reset = 0;
	if (ringfold_control_domain)
		return;
	x86_platform.legacy.rtc = 0;
	x86_platform.legacy.i8042 = X86_LEGACY_I8042_PLATFORM_ABSENT;
}

static void __init ringfold_init_platform(void)
{
	x86_platform.set_legacy_features = ringfold_set_legacy_features;
	x86_platform.realmode_reserve = x86_init_noop;
	x86_platform.realmode_init = x86_init_noop;
	x86_init.resources.memory_setup = ringfold_memory_setup;
	x86_init.resources.probe_roms = x86_init_noop;
	x86_init.resources.reserve_resources = x86_init_noop;
	x86_init.mpparse.find_smp_config = x86_init_noop;
	x86_init.mpparse.get_smp_config = x86_init_uint_noop;
	x86_init.irqs.pre_vector_init = x86_init_noop;
	x86_init.irqs.intr_mode_select = x86_init_noop;
	x86_init.irqs.intr_mode_init = x86_init_noop;
	x86_init.oem.arch_setup = ringfold_arch_setup;
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	machine_ops.restart = ringfold_restart;
	machine_ops.emergency_restart = ringfold_emergency_restart;
	machine_ops.halt = ringfold_power_off;
	machine_ops.power_off = ringfold_power_off;
	machine_ops.shutdown = ringfold_power_off;
}

/* What /proc/vmcore would say of this kernel is in cores that the control domain takes of it. */
static int __init ringfold_leave_core_note(void)
{
	if (!ringfold_domain || vmcoreinfo_note == NULL)
		return 0;
	ringfold_start_info->core_note = paddr_vmcoreinfo_note();
	/* Behind the address: who finds a size finds a note. */
	smp_store_release(&ringfold_start_info->core_note_size, VMCOREINFO_NOTE_SIZE);
	return 0;
}
late_initcall(ringfold_leave_core_note);

asmlinkage __visible void __init ringfold_start_kernel(struct ringfold_start_info *info)
{
	clear_bss();
	ringfold_start_info = info;
	/* The image is that much further up than it was linked for. */
	phys_base = PFN_PHYS(info->first_frame);

	ringfold_init_frames();
	ringfold_register_call_buffer();
	ringfold_open_image();
	ringfold_domain = true;
	ringfold_control_domain = (ringfold_start_info->flags & RINGFOLD_START_IDENTITY) != 0;
	early_boot_irqs_disabled = true;
	ringfold_init_processor();
	ringfold_init_console();
	ringfold_init_memory();
	/* Returns to the kernel; the text is writable now. */
	__text_gen_insn(&early_xen_iret_patch, JMP32_INSN_OPCODE, &early_xen_iret_patch, &ringfold_iret,
			JMP32_INSN_SIZE);
	ringfold_init_platform();
	ringfold_init_events();
	ringfold_init_smp();
	ringfold_init_time();
	ringfold_init_devices();

	add_preferred_console("hvc", 0, NULL);
	boot_params.hdr.version = 0x20c;
	boot_params.hdr.type_of_loader = 0xff;
	strscpy(boot_command_line, ringfold_start_info->command_line, COMMAND_LINE_SIZE);
	if (ringfold_start_info->module_size != 0) {
		boot_params.hdr.ramdisk_image = lower_32_bits(__pa(ringfold_start_info->module_address));
		boot_params.ext_ramdisk_image = upper_32_bits(__pa(ringfold_start_info->module_address));
		boot_params.hdr.ramdisk_size = ringfold_start_info->module_size;
	}
	cr4_init_shadow();
	x86_64_start_reservations((char *)__pa_symbol(&boot_params));
}
