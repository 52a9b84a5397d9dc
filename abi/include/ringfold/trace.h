/* SPDX-License-Identifier: MIT */
/*
 * The trace: what the hypervisor does, as fixed records in one ring for each physical CPU. The rings are memory of the
 * domain that traces: it names the frames at the start, and the hypervisor holds them writable, writes to them, and never
 * reads them, until the trace ends (hypercall trace_stop, or the domain's end). One domain traces at a time.
 *
 * A ring is `frames` pages in the order in which they were named. The first RINGFOLD_TRACE_HEADER_RECORDS records' worth of
 * bytes of its first page are struct ringfold_trace_ring; the rest of them is for capacity = frames *
 * RINGFOLD_TRACE_RECORDS_PER_FRAME - RINGFOLD_TRACE_HEADER_RECORDS records. Record n stands in place n % capacity behind the
 * header. To read:
 *
 *      1. w = written (acquire)
 *      2. copy the records from max(next, w - capacity) to w; those in between are lost
 *      3. w = written again; of the copies, those below w + 1 - capacity may be torn: they are lost, too
 *
 * RINGFOLD_VIRTUAL_IRQ_TRACE has an event when half of a ring was filled. While nobody traces, a trace point is one NOP in
 * the hypervisor's text; trace_start and trace_stop stop the machine for a moment to change that.
 */
#ifndef RINGFOLD_TRACE_H
#define RINGFOLD_TRACE_H

#include "base.h"

#define RINGFOLD_TRACE_HEADER_RECORDS 2U
#define RINGFOLD_TRACE_RECORDS_PER_FRAME 128U
#define RINGFOLD_TRACE_FRAMES_MAX 16U /* most frames of one ring */

/* All of it is written by the hypervisor. */
struct ringfold_trace_ring {
	uint64_t written;  /* records since the start; published after the record */
	uint64_t capacity; /* records that the ring keeps */
	uint32_t cpu;
	uint32_t reserved[11];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_trace_ring, 64);

struct ringfold_trace_record {
	uint64_t tsc;        /* this CPU's time-stamp counter */
	uint32_t event;      /* RINGFOLD_TRACE_*, class << 8 | number */
	uint16_t domain;     /* of the vCPU that was on the CPU; 0: none */
	uint16_t vcpu;
	uint64_t argument[2];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_trace_record, 32);

/* Classes of events: bits for trace_start, 1 << class. */
#define RINGFOLD_TRACE_CLASS_HYPERCALLS 0U
#define RINGFOLD_TRACE_CLASS_ENTRIES 1U
#define RINGFOLD_TRACE_CLASS_SCHEDULING 2U
#define RINGFOLD_TRACE_CLASS_EVENTS 3U
#define RINGFOLD_TRACE_CLASS_GRANTS 4U
#define RINGFOLD_TRACE_CLASS_MEMORY 5U
#define RINGFOLD_TRACE_CLASS_INTERRUPTS 6U
#define RINGFOLD_TRACE_CLASSES_ALL 0x7fU

/* Events, and their arguments. */
#define RINGFOLD_TRACE_HYPERCALL 0x000U        /* number; first argument. Those of a multicall stand between its two */
#define RINGFOLD_TRACE_HYPERCALL_RETURN 0x001U /* status; second result */
#define RINGFOLD_TRACE_ENTRY 0x100U            /* vector, 0x100 for a hypercall; RIP */
#define RINGFOLD_TRACE_SWITCH 0x200U           /* domain << 16 | vCPU that leaves the CPU; the one that comes; all ones: none */
#define RINGFOLD_TRACE_STATE 0x201U            /* domain << 16 | vCPU whose state changes; RINGFOLD_VCPU_* that begins */
#define RINGFOLD_TRACE_EVENT 0x300U            /* domain << 16 | vCPU that serves the port; port that has an event */
#define RINGFOLD_TRACE_GRANT_MAP 0x400U        /* domain << 32 | reference; handle, or the status */
#define RINGFOLD_TRACE_GRANT_UNMAP 0x401U      /* handle; status */
#define RINGFOLD_TRACE_GRANT_COPY 0x402U       /* bytes; status */
#define RINGFOLD_TRACE_GRANT_TRANSFER 0x403U   /* frame; status */
#define RINGFOLD_TRACE_MEMORY_BATCH 0x500U     /* page-table operations asked for at once; done */
#define RINGFOLD_TRACE_MEMORY_POPULATE 0x501U  /* first frame; order */
#define RINGFOLD_TRACE_MEMORY_RELEASE 0x502U   /* frame; 0 */
#define RINGFOLD_TRACE_INTERRUPT 0x600U        /* vector; 0 */

/* hypercall trace_status_read */
struct ringfold_trace_status {
	uint32_t domain;   /* that traces; 0: none */
	uint32_t classes;  /* bits; 0: none */
	uint32_t cpus;     /* rings that trace_start wants: one for each physical CPU */
	uint32_t frames;   /* of each ring; 0: none */
	uint64_t written;  /* records, in all rings */
	uint64_t overwritten; /* of them: not in the rings any more */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_trace_status, 32);

#endif
