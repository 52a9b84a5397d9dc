/* SPDX-License-Identifier: MIT */
/* Counters, and what debug builds tell about frames. */
#ifndef RINGFOLD_DEBUG_H
#define RINGFOLD_DEBUG_H

#include "base.h"

/*
 * Counts since boot, or since the domain was created; they only grow. Hypercall counters_read: of all CPUs together;
 * cpu_counters_read: of one CPU; domain_counters_read: what happened while vCPUs of one domain were on a CPU, whoever caused
 * it. They are read one after the other, while CPUs go on counting.
 */
struct ringfold_counters {
	uint64_t hypercalls[128];       /* by number; the last one counts unknown numbers */
	uint64_t interrupts;            /* device and timer interrupts taken */
	uint64_t ipis_sent;
	uint64_t ipis_received;
	uint64_t nmis;                  /* not of a domain */
	uint64_t machine_checks;        /* not of a domain */
	uint64_t debug_exceptions;
	uint64_t upcalls;               /* delivered by the hypervisor proper */
	uint64_t injected_exceptions;   /* delivered by the hypervisor proper */
	uint64_t root_loads;            /* load root and vCPU switches: CR3 changed for the guest */
	uint64_t root_copies;           /* private roots filled */
	uint64_t guest_flushes;         /* flushes a guest asked for, per CPU reached */
	uint64_t safety_flushes;        /* flushes that a type change or free needed, per CPU reached */
	uint64_t safety_flushes_saved;  /* CPUs that the flush clock spared: of the machine only */
	uint64_t vcpu_switches;         /* a vCPU was put on a CPU */
	uint64_t page_table_operations; /* batch elements done */
	uint64_t free_frames;           /* now, and claimed by nobody: of the machine only */
	uint64_t entries;               /* visits of guests to the hypervisor proper, whatever for */
	uint64_t events_sent;           /* by event_send */
	uint64_t grant_maps;            /* elements that succeeded, here and below */
	uint64_t grant_unmaps;
	uint64_t grant_copies;
	uint64_t grant_transfers;
	uint64_t run_time;              /* ns that vCPUs ran: of a domain only */
	uint64_t idle_time;             /* ns that CPUs had nothing to run; not of a domain */
	uint64_t reserved[7];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_counters, 8 * (128 + 15 + 16));

/* What a frame is used as. hypercall domain_frame_types */
#define RINGFOLD_FRAME_NONE 0U     /* mapped read-only, if at all */
#define RINGFOLD_FRAME_WRITABLE 1U /* mapped writable, or held as if it were */
#define RINGFOLD_FRAME_L1 2U       /* a page table of that level, here and below, or about to be one or to stop being one */
#define RINGFOLD_FRAME_L2 3U
#define RINGFOLD_FRAME_L3 4U
#define RINGFOLD_FRAME_L4 5U

/* hypercall debug_frame (debug builds): the accounting of one frame of the caller's. */
struct ringfold_frame_info {
	uint32_t type;       /* RINGFOLD_FRAME_* */
	uint32_t pinned;     /* 0 or 1 */
	uint64_t type_count;
	uint64_t reference_count;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_frame_info, 24);

#endif
