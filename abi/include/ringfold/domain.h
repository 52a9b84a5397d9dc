/* SPDX-License-Identifier: MIT */
/* Domains: how they are named, what they may do to others, what can be asked of them. */
#ifndef RINGFOLD_DOMAIN_H
#define RINGFOLD_DOMAIN_H

#include "base.h"

/* A domain's number: 1 to RINGFOLD_DOMAIN_LAST; not used again while anything refers to it. */
#define RINGFOLD_DOMAIN_LAST 0x7fefU
#define RINGFOLD_DOMAIN_SELF 0x7ff0U /* the caller, whatever its number; needs no right */

/*
 * What a domain may do beside acting on itself. A domain acts on another only if it holds the right that the call names
 * *and* every right that the other holds: nobody takes over who may do more. It can give no right that it does not hold.
 */
#define RINGFOLD_RIGHT_CONTROL (1ULL << 0)  /* create, fill, start, pause and destroy other domains; their limits */
#define RINGFOLD_RIGHT_INSPECT (1ULL << 1)  /* see which domains there are, and their and the machine's counters */
#define RINGFOLD_RIGHT_SCHEDULE (1ULL << 2) /* weights, caps, affinities and pools of other domains */
#define RINGFOLD_RIGHT_CONSOLE (1ULL << 3)  /* the hypervisor's log; other domains' consoles */
#define RINGFOLD_RIGHT_HARDWARE (1ULL << 4) /* interrupts, ports and memory of devices */
#define RINGFOLD_RIGHT_MACHINE (1ULL << 5)  /* wall clock; power off or restart the machine */
#define RINGFOLD_RIGHT_TRACE (1ULL << 6)    /* trace what the hypervisor does on all CPUs */
#define RINGFOLD_RIGHT_DEBUG (1ULL << 7)    /* debug keys; debug builds: stop the machine for an audit, NMI histograms */
#define RINGFOLD_RIGHTS_ALL 0xffULL

#define RINGFOLD_DOMAIN_NAME_SIZE 32U

/* hypercall domain_create */
#define RINGFOLD_DOMAIN_CONSOLE_LOGGED (1ULL << 0) /* its console output also goes to the log, and so to the serial port */
#define RINGFOLD_DOMAIN_FLAGS_ALL 1ULL

struct ringfold_domain_configuration {
	char name[RINGFOLD_DOMAIN_NAME_SIZE]; /* printable ASCII, NUL-terminated, not empty */
	uint64_t maximum_frames;              /* most memory it may own; 1 to 2^40 */
	uint64_t rights;                      /* RINGFOLD_RIGHT_*, a subset of the creator's */
	uint32_t vcpu_count;                  /* most vCPUs, 1 to RINGFOLD_MAX_VCPUS */
	uint32_t first_cpu;                   /* vCPU n starts on the nth next CPU, counted round; 0 to 63 */
	uint64_t flags;                       /* RINGFOLD_DOMAIN_* flags */
	uint64_t reserved;                    /* must be 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_domain_configuration, 72);

/* A domain's state in struct ringfold_domain_info. */
#define RINGFOLD_DOMAIN_BUILDING 0U /* no vCPU was started yet */
#define RINGFOLD_DOMAIN_RUNNING 1U  /* at least one was */
#define RINGFOLD_DOMAIN_ENDING 2U   /* asked to end; a vCPU is still on its way off its CPU */
#define RINGFOLD_DOMAIN_ENDED 3U    /* nothing runs any more; memory and state are kept until it is destroyed */
#define RINGFOLD_DOMAIN_DYING 4U    /* being destroyed */

#define RINGFOLD_SHUTDOWN_POWER_OFF 0U
#define RINGFOLD_SHUTDOWN_REBOOT 1U
#define RINGFOLD_SHUTDOWN_CRASH 2U
#define RINGFOLD_SHUTDOWN_WATCHDOG 3U /* its watchdog ran out; by the hypervisor only */
#define RINGFOLD_SHUTDOWN_DESTROYED 4U /* domain_destroy came while it ran; by the hypervisor only */

/*
 * Pauses are counted: each domain_pause needs a domain_unpause. A paused domain keeps its state; none of its vCPUs runs
 * (in their pages they are RINGFOLD_VCPU_RUNNABLE or _BLOCKED), its events become pending, its system time goes on, its
 * watchdog stands still. One that is paused while it is built begins to run when it was started *and* unpaused. It can be
 * shut down and destroyed as ever. When the last domain with the right to control others has ended, all pauses end.
 */
#define RINGFOLD_DOMAIN_PAUSES_MAX 255U

/*
 * hypercall domain_debug_set. While a debugger is to hear of them, a debug exception of a vCPU (a breakpoint in a debug
 * register, a single step) is not delivered: it pauses the domain once more, and the vCPU's context tells its DR6
 * (ringfold_vcpu_registers.debug_status) until the context is set. Each vCPU that comes to one meanwhile pauses the domain
 * once, too. The pauses are the debugger's to take back. An event of RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE tells of it.
 */
#define RINGFOLD_DEBUG_DELIVERS 0U
#define RINGFOLD_DEBUG_STOPS 1U

/* hypercalls domain_describe and domain_list. All of it is written by the hypervisor. */
struct ringfold_domain_info {
	uint32_t domain;          /* its number */
	uint32_t state;           /* RINGFOLD_DOMAIN_* */
	uint32_t shutdown_reason; /* RINGFOLD_SHUTDOWN_*, valid from ENDED on, else 0 */
	uint32_t shutdown_code;
	uint64_t rights;
	uint64_t maximum_frames;
	uint64_t owned_frames;
	uint32_t vcpu_count;      /* most it may start */
	uint32_t vcpus_online;
	char name[RINGFOLD_DOMAIN_NAME_SIZE];
	uint64_t run_time;        /* ns that its vCPUs, all together, have run */
	uint32_t pauses;          /* how often it is paused; 0: it is not */
	uint32_t reserved;        /* 0 */
	uint64_t console_written; /* bytes that it has written to its console: the position of the next one (domain_console_read) */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_domain_info, 104);

#define RINGFOLD_DOMAIN_LIST_MAX 128U

/* hypercall domain_copy: bytes between the caller's call buffer and a frame of the domain. */
struct ringfold_domain_copy_element {
	uint64_t frame;         /* machine frame of the domain */
	uint64_t buffer_offset; /* call-buffer offset of the bytes */
	uint32_t frame_offset;  /* frame_offset + length is at most 4096 */
	uint32_t length;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_domain_copy_element, 24);
#define RINGFOLD_DOMAIN_COPY_IN 0U  /* from the call buffer to the frame, which must not be a page table */
#define RINGFOLD_DOMAIN_COPY_OUT 1U /* from the frame to the call buffer */
#define RINGFOLD_DOMAIN_COPY_MAX 512U

#define RINGFOLD_DOMAIN_FRAME_TYPES_MAX 512U

#endif
