/* SPDX-License-Identifier: MIT */
/*
 * Virtual devices: a *back end* in one domain (dom0) serves a *front end* in another one (the guest). There is no store:
 * what the two tell each other stands in pages that they share. docs/devices.md explains how to write a front end.
 *
 * All shared pages are frames of the back end's domain, granted (grant.h) to the guest, which maps them. So the death or
 * the malice of a guest takes no memory from the back end, the back end maps nothing of others, and a page is known to be
 * free when its grant can be revoked. Each field below is written by one end only: "back:" or "front:". An end never
 * relies on reading back what it wrote, reads each field of the other end once, and checks what it has read.
 *
 * The control page lists the guest's devices; the start-info page says where it is. Each device has a device page. Events
 * of the control page's port say that something changed in the control page or in a device page of the same domain: look
 * at all of them. The front end connects to that port (hypercall event_connect) and sends events through it, too.
 */
#ifndef RINGFOLD_DEVICE_H
#define RINGFOLD_DEVICE_H

#include "base.h"

#define RINGFOLD_CONTROL_MAGIC 0x6c6f72746e6f6372ULL /* "rcontrol" */
#define RINGFOLD_CONTROL_VERSION 1U
#define RINGFOLD_CONTROL_DEVICES 64U

#define RINGFOLD_DEVICE_NONE 0U
#define RINGFOLD_DEVICE_BLOCK 1U   /* block.h */
#define RINGFOLD_DEVICE_NETWORK 2U /* network.h */

/*
 * A device, or a place for one.
 *
 * To add one (back):                              To read one (front):
 *   1. generation is 0 (nobody knows this place)    1. read generation; 0: there is no device
 *   2. write the other fields                       2. load barrier
 *   3. store barrier                                3. read the other fields
 *   4. write generation: another one than before    4. load barrier
 *   5. send an event                                5. read generation again; if it changed, from 1 on
 *
 * To take one away, the back end first asks by the device page's state (below). Then, or at once if the front end does not
 * answer, it writes generation 0 and sends an event. A front end that finds its device's generation changed has lost the
 * device: it unmaps its pages and never uses them again.
 */
struct ringfold_control_device {
	uint32_t generation; /* back */
	uint16_t kind;       /* back: RINGFOLD_DEVICE_* */
	uint16_t number;     /* back: of the devices of one kind, 0, 1, ... */
	uint16_t domain;     /* back: the back end's */
	uint16_t reserved;   /* back: 0 */
	uint32_t reference;  /* back: the device page, in the grant table of `domain` */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_control_device, 16);

/*
 * Orders: what a user wants of the guest as a whole. The guest may do as it likes; a later order replaces one that it has
 * not seen yet.
 *
 * To give one (back):                             To take one up (front), whenever an event comes:
 *   1. write order and order_argument               1. read order_count; if it is the one that was taken up last, stop
 *   2. store barrier                                2. load barrier; read order and order_argument
 *   3. write order_count: one more than before      3. load barrier; if order_count has changed, from 1 on
 *   4. send an event                                4. write order_seen = order_count, then carry the order out
 */
#define RINGFOLD_ORDER_POWER_OFF 1U
#define RINGFOLD_ORDER_REBOOT 2U
#define RINGFOLD_ORDER_SYSTEM_REQUEST 3U /* argument: a key, as an ASCII character */
#define RINGFOLD_ORDER_VCPUS 4U /* argument: how many vCPUs to run on, 1 to start_info.vcpu_count: 0 and those behind it */
#define RINGFOLD_ORDER_MEMORY 5U /* argument: MiB to own, 1 up to start_info.frame_count: release or populate frames */
#define RINGFOLD_ORDER_SUSPEND 6U /* sleep, with all programs stopped, until the next order, whichever that is */
#define RINGFOLD_ORDER_RESUME 7U /* nothing but to wake */

struct ringfold_control_page {
	uint64_t magic;          /* back: before the guest starts */
	uint32_t version;        /* back: before the guest starts */
	uint32_t order_count;    /* back */
	uint32_t order;          /* back: RINGFOLD_ORDER_* */
	uint32_t order_argument; /* back */
	uint32_t order_seen;     /* front */
	uint32_t reserved[9];
	struct ringfold_control_device devices[RINGFOLD_CONTROL_DEVICES];
	uint8_t reserved2[4096 - 64 - 16 * RINGFOLD_CONTROL_DEVICES];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_control_page, devices, 64);
RINGFOLD_ASSERT_SIZE(struct ringfold_control_page, 4096);

/*
 * States of a device's ends. A state is written after all that it stands for (store barrier), then an event is sent; it is
 * read before all that it stands for (load barrier).
 *
 *      back                                    front
 *      OFFERED: its limits are there           NONE: nobody is there
 *                                              ASKED: what it chose is there
 *      CONNECTED: queues are there; requests
 *        that it finds there are served        CONNECTED: queues are mapped
 *      CLOSING: it wants an end                CLOSED: all is unmapped, nothing will be asked
 *      CLOSED: requests are done, queues
 *        are gone (`error` may say why)
 *
 * back:  OFFERED -> CONNECTED when front is ASKED and what it chose is right, else -> CLOSED with an error;
 *        OFFERED, CONNECTED -> CLOSING when the device is to go; any -> CLOSED when front is CLOSED;
 *        any -> CLOSED when it cannot go on: it was reset or reloaded, or begins anew on a page that it finds;
 *        CLOSED -> OFFERED when front is NONE, and the device stays: it may ask again (or another driver, another kernel).
 * front: NONE -> ASKED when back is OFFERED; ASKED -> CONNECTED when back is; any -> CLOSED when back is CLOSING or
 *        CLOSED, when it wants to end or cannot go on; CLOSED -> NONE when back is CLOSED; NONE again -> ASKED as above.
 *
 * While the generation is the same, so is the device. A connection that ends does not end it, and what was not answered may
 * have been done, or not, or in part. To go on:
 *
 *   1. back: CLOSED, event. It answers nothing from now on, and does nothing more but what it has begun.
 *   2. front: stops asking; takes no answers any more; unmaps; CLOSED, event. What is unanswered, it keeps.
 *   3. front: NONE, event.
 *   4. back: waits until nothing that it has begun for this or an earlier connection is under way, and until all grants of
 *      those could be revoked; then writes its offer, which may be another one; OFFERED, event.
 *   5. front: reads the offer again; ASKED, CONNECTED as before. Then it asks again for what was not answered.
 *
 * So nothing of an old connection is done after something of a new one. A front end that is CONNECTED and finds OFFERED has
 * missed a CLOSED, and goes on at 2. If the offer is one that it cannot use, it stays CLOSED. After an error (`error`, or one
 * of its own) it waits for a second or so before it asks again.
 */
#define RINGFOLD_STATE_NONE 0U
#define RINGFOLD_STATE_OFFERED 1U
#define RINGFOLD_STATE_ASKED 2U
#define RINGFOLD_STATE_CONNECTED 3U
#define RINGFOLD_STATE_CLOSING 4U
#define RINGFOLD_STATE_CLOSED 5U

/*
 * A queue: `pages` pages with the references first_reference, first_reference + 1, ...; what is in them is the kind's
 * matter. Its port is offered to the guest.
 */
struct ringfold_device_queue {
	uint32_t first_reference; /* back */
	uint32_t pages;           /* back */
	uint32_t port;            /* back: a port of the back end's domain */
	uint32_t reserved;        /* back: 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_device_queue, 16);

#define RINGFOLD_DEVICE_QUEUES 64U

struct ringfold_device_page {
	uint32_t back_state;     /* back: RINGFOLD_STATE_* */
	uint32_t error;          /* back: 0, or a RINGFOLD_E* that ended it; valid if CLOSED */
	uint32_t queue_limit;    /* back: most queues; valid from OFFERED */
	uint32_t features;       /* back: what may be used, by kind; valid from OFFERED */
	uint32_t reserved[12];
	uint32_t front_state;    /* front: RINGFOLD_STATE_* */
	uint32_t queue_count;    /* front: 1 to queue_limit; valid from ASKED */
	uint32_t taken_features; /* front: of those offered; valid from ASKED */
	uint32_t reserved2[13];
	uint8_t kind[896];       /* by kind */
	struct ringfold_device_queue queues[RINGFOLD_DEVICE_QUEUES]; /* valid if CONNECTED: queue_count of them */
	uint8_t reserved3[2048];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_device_page, front_state, 64);
RINGFOLD_ASSERT_OFFSET(struct ringfold_device_page, kind, 128);
RINGFOLD_ASSERT_OFFSET(struct ringfold_device_page, queues, 1024);
RINGFOLD_ASSERT_SIZE(struct ringfold_device_page, 4096);

#endif
