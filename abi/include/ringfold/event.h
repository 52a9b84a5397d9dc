/* SPDX-License-Identifier: MIT */
/*
 * Event channels: ports, where events of other domains, of devices, of the hypervisor and of a domain's own vCPUs arrive.
 *
 * A port is a number from 1 to RINGFOLD_EVENT_PORTS - 1; a bind gives the lowest free one. Each port is served by one vCPU,
 * in whose event words its bits stand. Ports below RINGFOLD_EVENT_AREA_PORTS have their bits in the vCPU page, so they need
 * nothing more. The others have them in event pages, which the guest registers for each vCPU (hypercall event_page_set):
 * page n is for the ports n * RINGFOLD_EVENT_PAGE_PORTS onwards.
 *
 * Words of 64 bits, in three levels; bit b of a word is (word >> b) & 1:
 *
 *      selector            bit i                    a bit of selectors[i] may be set
 *      selectors[i]        bit j                    word 64 * i + j of the pending words may have an event that is not masked
 *      pending[w]          bit b                    port 64 * w + b has had an event
 *      masked[w]           bit b                    guest: set it and the port's events raise no upcall
 *
 * An event sets the pending bit. If it was 0 and the mask bit is 0, then the bit of selectors[], the bit of `selector` and
 * upcall_pending are set, in this order, and the vCPU gets an upcall. Events of one port that come before the guest clears
 * its pending bit are one. The guest looks for events in the opposite order, each step a locked instruction, because the
 * hypervisor changes the same words at the same time:
 *
 *      1. upcall_pending = 0 (XCHG)                 then, until nothing is left:
 *      2. s = XCHG(selector, 0)
 *      3. for each bit i of s:  t = XCHG(selectors[i], 0)
 *      4. for each bit j of t:  for each bit b of pending[w] & ~masked[w]:  LOCK BTR pending[w], b;  serve the port
 *
 * To mask: LOCK BTS masked. To unmask: LOCK BTR masked, then read pending: if it is 1, hypercall event_unmask. (Or that
 * alone.) Bits may be found set that lead to no event: a port was closed, moved or masked meanwhile.
 *
 * A bind clears both bits of its port, a close the pending bit. A vCPU that starts takes over the words of its last page, or
 * of the time before its first one: nothing of its area counts before it is started. What stands in the words is the
 * guest's own business: the hypervisor reads single bits there, once, and a guest that scribbles over them only loses or
 * invents events of its own.
 */
#ifndef RINGFOLD_EVENT_H
#define RINGFOLD_EVENT_H

#include "base.h"

#define RINGFOLD_EVENT_PORTS 262144U      /* 64 * 64 * 64 */
#define RINGFOLD_EVENT_AREA_PORTS 1024U
#define RINGFOLD_EVENT_PAGE_PORTS 16384U
#define RINGFOLD_EVENT_PAGES 16U
#define RINGFOLD_EVENT_DEFAULT_LIMIT 1024U /* ports a domain may have at once, unless it was given another limit */

/* Part of the vCPU page. Both sides write all of it. */
struct ringfold_event_area {
	uint64_t selector;
	uint64_t selectors[64];
	uint64_t pending[RINGFOLD_EVENT_AREA_PORTS / 64];
	uint64_t masked[RINGFOLD_EVENT_AREA_PORTS / 64];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_event_area, 776);

/* Event page n. Both sides write all of it. In page 0 the words of the ports below RINGFOLD_EVENT_AREA_PORTS mean nothing. */
struct ringfold_event_page {
	uint64_t pending[RINGFOLD_EVENT_PAGE_PORTS / 64];
	uint64_t masked[RINGFOLD_EVENT_PAGE_PORTS / 64];
};
RINGFOLD_ASSERT_SIZE(struct ringfold_event_page, 4096);

/*
 * Virtual interrupts (hypercall event_bind_virtual). Those of a vCPU can be bound once for each vCPU and stay there; those of
 * a domain once.
 */
#define RINGFOLD_VIRTUAL_IRQ_TIMER 0U        /* of a vCPU: its timer (hypercall timer_set) ran out */
#define RINGFOLD_VIRTUAL_IRQ_DEBUG 1U        /* of a vCPU: somebody asks it to say how it is */
#define RINGFOLD_VIRTUAL_IRQ_CONSOLE 2U      /* of a domain: its console has input or room */
#define RINGFOLD_VIRTUAL_IRQ_CONTROL 3U      /* of a domain: its control page changed */
#define RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE 4U /* of a domain that may control others: a domain ended or is gone */
#define RINGFOLD_VIRTUAL_IRQ_LOG 5U          /* of a domain that may read it: the hypervisor's log grew */
#define RINGFOLD_VIRTUAL_IRQ_TRACE 6U        /* of a domain that may read it: a trace buffer fills up */
#define RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE 7U /* of a domain that may read them: a console has output, or room for input */
#define RINGFOLD_VIRTUAL_IRQS 8U

/* hypercall event_bind_physical: how the line is wired. */
#define RINGFOLD_EVENT_LEVEL (1U << 0)      /* level-triggered: masked when it fires, until event_end_of_interrupt */
#define RINGFOLD_EVENT_ACTIVE_LOW (1U << 1)

/* hypercall event_status_read */
#define RINGFOLD_EVENT_UNBOUND 0U     /* offered to `domain`, or the other end has gone */
#define RINGFOLD_EVENT_INTERDOMAIN 1U /* connected with port `source` of `domain` */
#define RINGFOLD_EVENT_VIRTUAL 2U     /* `source` is a RINGFOLD_VIRTUAL_IRQ_* */
#define RINGFOLD_EVENT_PHYSICAL 3U    /* `source` is a global system interrupt */
#define RINGFOLD_EVENT_IPI 4U
#define RINGFOLD_EVENT_MESSAGE 5U     /* a device's message-signalled interrupt */
struct ringfold_event_status {
	uint32_t kind;    /* RINGFOLD_EVENT_* */
	uint32_t vcpu;    /* that serves the port */
	uint32_t domain;  /* number of the other domain, or that it had; 0 for other kinds */
	uint32_t source;  /* by kind; 0 where there is none */
	uint32_t pending; /* 0 or 1: the port's bits */
	uint32_t masked;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_event_status, 24);

/*
 * hypercall event_bind_message: what the device is to write where (PCI Local Bus 3.0, 6.8.1), one 32-bit word; edge-triggered,
 * each a vector of its own.
 */
struct ringfold_event_message {
	uint64_t address;
	uint32_t data;
	uint32_t reserved; /* 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_event_message, 16);

/* hypercall event_limits_read */
struct ringfold_event_limits {
	uint32_t port_limit;  /* most ports that may be bound at once; no port number is above it */
	uint32_t ports_bound;
};
RINGFOLD_ASSERT_SIZE(struct ringfold_event_limits, 8);

/* hypercall event_poll: most ports in one call. */
#define RINGFOLD_EVENT_POLL_MAX 16U

#endif
