/* SPDX-License-Identifier: MIT */
/* Counters, and what debug builds tell about frames. */
#ifndef RINGFOLD_DEBUG_H
#define RINGFOLD_DEBUG_H

#include "base.h"

/* hypercall counters_read: of all CPUs together, since boot. */
struct ringfold_counters {
	uint64_t hypercalls[128];       /* by number; the last one counts unknown numbers */
	uint64_t interrupts;            /* device and timer interrupts taken */
	uint64_t ipis_sent;
	uint64_t ipis_received;
	uint64_t nmis;
	uint64_t machine_checks;
	uint64_t debug_exceptions;
	uint64_t upcalls;               /* delivered by the hypervisor proper */
	uint64_t injected_exceptions;   /* delivered by the hypervisor proper */
	uint64_t root_loads;            /* load root and vCPU switches: CR3 changed for the guest */
	uint64_t root_copies;           /* private roots filled */
	uint64_t guest_flushes;         /* flushes a guest asked for, per CPU reached */
	uint64_t safety_flushes;        /* flushes that a type change or free needed, per CPU reached */
	uint64_t safety_flushes_saved;  /* CPUs that the flush clock spared */
	uint64_t vcpu_switches;
	uint64_t page_table_operations; /* batch elements done */
	uint64_t free_frames;           /* now: of the machine */
	uint64_t reserved[15];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_counters, 8 * (128 + 15 + 16));

/* hypercall debug_frame (debug builds): the accounting of one frame of the caller's. */
#define RINGFOLD_FRAME_NONE 0U
#define RINGFOLD_FRAME_WRITABLE 1U
#define RINGFOLD_FRAME_L1 2U
#define RINGFOLD_FRAME_L2 3U
#define RINGFOLD_FRAME_L3 4U
#define RINGFOLD_FRAME_L4 5U
struct ringfold_frame_info {
	uint32_t type;       /* RINGFOLD_FRAME_* */
	uint32_t pinned;     /* 0 or 1 */
	uint64_t type_count;
	uint64_t reference_count;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_frame_info, 24);

#endif
