// SPDX-License-Identifier: GPL-2.0
/* The domain's console: kernel messages from the first line on, and hvc0. */
#include <linux/console.h>
#include <linux/init.h>
#include <linux/spinlock.h>

#include "../../../drivers/tty/hvc/hvc_console.h"

#include <asm/ringfold.h>

#include "ringfold.h"

#define MOST_AT_ONCE 2048

static DEFINE_RAW_SPINLOCK(output_lock);

/* How much of it the hypervisor took: what its serial line is too slow for, it does not. */
static size_t write_some(const char *text, size_t length)
{
	struct ringfold_hypercall_result result;
	unsigned long flags;

	length = min_t(size_t, length, MOST_AT_ONCE);
	raw_spin_lock_irqsave(&output_lock, flags);
	memcpy(ringfold_call_buffer_at(RINGFOLD_CONSOLE_OFFSET), text, length);
	result = ringfold_console_write(RINGFOLD_CONSOLE_OFFSET, length);
	raw_spin_unlock_irqrestore(&output_lock, flags);
	return result.status == -EAGAIN ? result.value : length;
}

/* All of it, at the pace of the line: as a serial port that is polled. */
void ringfold_console_output(const char *text, size_t length)
{
	while (length > 0) {
		size_t taken = write_some(text, length);

		text += taken;
		length -= taken;
		if (length > 0)
			cpu_relax();
	}
}

static void write_early(struct console *console, const char *text, unsigned int length)
{
	ringfold_console_output(text, length);
}

static struct console early_output = {
	.name = "ringfold",
	.write = write_early,
	.flags = CON_PRINTBUFFER | CON_BOOT,
	.index = -1,
};

static int put_chars(u32 terminal, const char *text, int length)
{
	int taken = length > 0 ? write_some(text, length) : 0;

	return taken == 0 && length > 0 ? -EAGAIN : taken; /* hvc comes again */
}

static int get_chars(u32 terminal, char *text, int length)
{
	const struct ringfold_console_input *input;
	struct ringfold_hypercall_result result;
	unsigned long flags;
	int taken = 0;

	local_irq_save(flags);
	input = ringfold_call_buffer_at(RINGFOLD_ANSWER_OFFSET);
	result = ringfold_console_read(RINGFOLD_ANSWER_OFFSET, min_t(u64, length, RINGFOLD_CONSOLE_INPUT_MAX));
	if (result.status == 0) {
		taken = result.value;
		memcpy(text, input + 1, taken);
	}
	local_irq_restore(flags);
	return taken;
}

static const struct hv_ops operations = {
	.get_chars = get_chars,
	.put_chars = put_chars,
	.notifier_add = notifier_add_irq,
	.notifier_del = notifier_del_irq,
	.notifier_hangup = notifier_hangup_irq,
};

static int __init prefer_console(void)
{
	return ringfold_domain ? hvc_instantiate(0, 0, &operations) : 0;
}
console_initcall(prefer_console);

static int __init add_console(void)
{
	int irq;

	if (!ringfold_domain)
		return 0;
	/* Without the interrupt, hvc looks for input now and then. */
	irq = ringfold_bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_CONSOLE, 0);
	return PTR_ERR_OR_ZERO(hvc_alloc(0, max(irq, 0), &operations, 256));
}
device_initcall(add_console);

void __init ringfold_init_console(void)
{
	register_console(&early_output);
}
