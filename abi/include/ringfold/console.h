/* SPDX-License-Identifier: MIT */
/* What the hypervisor says about itself and what domains write to their consoles: its log; and what is typed for them. */
#ifndef RINGFOLD_CONSOLE_H
#define RINGFOLD_CONSOLE_H

#include "base.h"

/*
 * hypercall log_read: a part of the log. Positions count bytes since boot; the log keeps the newest 64 KiB, and a
 * position that is gone is moved up to the first whole line that is left. Lines end with '\n'; one of a domain's console
 * begins with "(dN) ", the hypervisor's own never do. `next` is what to ask for next time.
 */
struct ringfold_log_part {
	uint64_t next;   /* hypervisor writes: position behind the text */
	uint64_t length; /* hypervisor writes: bytes of text, which follow this structure */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_log_part, 16);
#define RINGFOLD_LOG_PART_MAX 4096U /* most bytes of text at once */

/*
 * hypercall console_read: what was typed for the domain at the console, or sent to it by another domain. The hypervisor
 * keeps up to 512 bytes; what comes while they are full is dropped, and counted. Input is an event of the virtual
 * interrupt RINGFOLD_VIRTUAL_IRQ_CONSOLE: read then until there are fewer bytes than were asked for.
 */
struct ringfold_console_input {
	uint64_t lost;   /* hypervisor writes: bytes dropped since the domain began */
	uint64_t length; /* hypervisor writes: bytes, which follow this structure */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_console_input, 16);
#define RINGFOLD_CONSOLE_INPUT_MAX 512U /* most bytes at once */

/*
 * The console of a domain, for another one that has the right. Its output is kept as it was written, every byte of it: who
 * shows it on a terminal shows what a guest wants shown.
 *
 * hypercall domain_console_read: struct ringfold_log_part, then the bytes. Positions count bytes since the domain began;
 * its newest 8 KiB are kept, and a position that is gone is moved up: next - length - position bytes were lost. One beyond the end is
 * moved down to it.
 * hypercall domain_console_write: input, as if it had been typed; but what there is no room for is not taken.
 *
 * Both are told by the virtual interrupt RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE, which says that some console has news: output,
 * after somebody had read all of it; or room, after input was not taken.
 */

#endif
