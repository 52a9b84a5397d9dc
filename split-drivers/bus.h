/* SPDX-License-Identifier: GPL-2.0 */
/* The devices of this guest: ringfold/device.h as the served domain sees it. */
#ifndef RINGFOLD_BUS_H
#define RINGFOLD_BUS_H

#include <linux/device.h>
#include <linux/workqueue.h>

#include <linux/ringfold_device.h>

#include <ringfold/device.h>

#include "event_limit.h"
#include "offer_fault.h"

/* What a front end wants of what it is offered. */
struct front_choice {
	u32 queues;
	u32 features;
};

struct front_device {
	struct device dev;
	struct work_struct work; /* looks at its page, and at nothing else: it waits for nobody else's driver */
	unsigned int place;      /* in the control page */
	struct ringfold_control_device entry; /* as it was read */
	struct ringfold_borrowed borrowed;
	struct ringfold_device_page *page;
	struct front_choice choice;
	u32 state;               /* what page->front_state says; the page is never read back */
	int error;               /* of the last attempt to connect it */
	unsigned long not_before; /* if there was one: jiffies, when it asks again */
	struct event_limit asks; /* what the back end could make happen without end: connections, */
	struct event_limit changes; /* changes of what it offers, */
	struct event_limit complaints; /* lines in the log */
	bool connected;          /* its driver has queues */
	bool over;               /* it will not be connected any more */
	const char *broken;      /* in what the back end does not keep to the protocol; NULL: it does. READ_ONCE, WRITE_ONCE */
	bool lost;               /* the back end took it away; READ_ONCE, WRITE_ONCE */
	bool settled;            /* it works, or will not */
};

/* One thread at a time calls these, for one device. */
struct front_driver {
	struct device_driver driver;
	u16 kind; /* RINGFOLD_DEVICE_* */
	int (*probe)(struct front_device *device);
	/* Reads the offer, for the first connection or for one that follows another. An error ends the device. */
	int (*choose)(struct front_device *device, struct front_choice *choice);
	/*
	 * The queues that it chose are there. After an error, which leaves nothing of them, it is tried again. It calls
	 * front_settled() when others can use the device.
	 */
	int (*connect)(struct front_device *device);
	/* What can change of an offer may have changed. Only while it is connected, as all that follow but the last one. */
	void (*offer_changed)(struct front_device *device);
	/* The back end wants an end, which can wait: front_look_again() asks again. NULL: always. */
	bool (*may_close)(struct front_device *device);
	/* The queues go. The back end is closed, or wants to be, or was lost; others may follow. */
	void (*disconnect)(struct front_device *device);
	/* It will not be connected any more: what waits for that fails. NULL: nothing does. */
	void (*fail)(struct front_device *device);
	/* The device goes, or the driver. It is not connected. */
	void (*remove)(struct front_device *device);
};

int front_register_driver(struct front_driver *driver);

static inline struct front_device *to_front_device(struct device *device)
{
	return container_of(device, struct front_device, dev);
}

/* NULL: it has none. */
struct front_driver *front_driver_of(const struct front_device *device);
/* After all that the state stands for was written. */
void front_set_state(struct front_device *device, u32 state);

/* connection.c: a driver begins, looks at the other end's state, ends. */
void front_begin(struct front_device *device);
void front_step(struct front_device *device);
void front_end(struct front_device *device);
u32 front_back_state(const struct front_device *device);
/* The back end broke the rules, in what a text says that stays: the connection ends. From any context. */
void front_give_up(struct front_device *device, const char *what);
/* How many queues are offered, of those that there can be; at least 1. */
u32 front_queue_limit(const struct front_device *device);
/* A queue, read once. Below front_device.choice.queues. */
struct ringfold_device_queue front_read_queue(const struct front_device *device, unsigned int number);
/* Says what is wrong with an offer. Always -EPROTO. */
int front_refuse(struct front_device *device, const struct offer_fault *fault);
/* What the back end has changed may be taken up; else it will be looked at again when it may. */
bool front_may_change(struct front_device *device);

/*
 * order.c: takes up what the control page says, if that is new; it is carried out soon. Only the work that looks at the page
 * may call it.
 */
void front_take_order(struct ringfold_control_page *page);
/* Looks at all devices. From any context. */
void front_look_again(void);
/* When so many jiffies have passed, or before. */
void front_look_later(unsigned long delay);
/* It is there, or will not be: nobody who waits for devices has to wait for this one. */
void front_settled(struct front_device *device);

#endif
