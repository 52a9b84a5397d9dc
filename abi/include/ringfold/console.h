/* SPDX-License-Identifier: MIT */
/* What the hypervisor says about itself and what domains write to their consoles: its log. */
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

#endif
