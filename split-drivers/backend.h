/* SPDX-License-Identifier: GPL-2.0 */
/* What back ends of all kinds have in common: ringfold/device.h as the serving domain sees it. */
#ifndef RINGFOLD_BACKEND_H
#define RINGFOLD_BACKEND_H

#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/ringfold_device.h>
#include <uapi/linux/ringfold_backend.h>

#include <ringfold/device.h>

#include "event_limit.h"

struct backend_device;

struct backend_kind {
	u16 kind; /* RINGFOLD_DEVICE_* */
	/* Writes the kind's part of the device page, before anybody looks at it: once for each connection. */
	void (*offer)(struct backend_device *device);
	/* Makes `queues` queues and fills in page->queues. 0 or an errno, with nothing left. */
	int (*connect)(struct backend_device *device, unsigned int queues, u32 features);
	/*
	 * From now on nothing is answered, as if there were nobody; may be called again. True: all that was asked is done or
	 * forgotten; else backend_note_done() comes when it may be. NULL: it always is, and answers harm nobody.
	 */
	bool (*fall_silent)(struct backend_device *device);
	/* What is offered may have changed: looks, and tells the front end. NULL: it never does. */
	void (*look)(struct backend_device *device);
	/* Without its queues, after fall_silent() has said true. Waits for nobody. */
	void (*disconnect)(struct backend_device *device);
	void (*describe)(struct backend_device *device, struct ringfold_backend_device *description);
	/* Nothing else uses the device any more; its page is still there. */
	void (*free)(struct backend_device *device);
};

/* A guest that this kernel serves. Its devices refer to it. */
struct backend_domain {
	struct list_head list;
	struct kref references;
	unsigned int id;
	struct mutex lock;         /* of the devices and their states */
	struct list_head devices;
	bool closed;               /* it has no pages and no port any more */
	struct page *control_page;
	u32 control_reference;
	int irq;
	bool told;                 /* the port is masked until all was looked at */
	struct event_limit events;
	bool look_again;           /* a device waits for something that nobody tells of */
	unsigned int ending;       /* devices whose queues are to go, when what was asked there is done */
	wait_queue_head_t ended;   /* one of them */
	u32 generation;            /* the last one that was given to a device */
	u32 orders;                /* that were given */
	struct delayed_work work;  /* looks at all states */
};

struct backend_device {
	struct list_head list;
	struct backend_domain *domain;
	const struct backend_kind *kind;
	unsigned int number;
	unsigned int place; /* in the control page */
	struct page *page_frame;
	struct ringfold_device_page *page;
	u32 reference;
	u32 state;   /* what page->back_state says; the page is never read back */
	u32 error;
	u32 features;    /* offered */
	u32 queue_limit;
	u32 queue_pages; /* of each queue */
	unsigned int queues; /* connected */
	bool leaving; /* it is to go, if the front end agrees */
	bool reset;   /* the front end was not asked before the connection ended */
	bool broken;  /* the front end does not keep to the protocol */
	bool ending;  /* its queues are to go */
	bool gone;    /* for the front end; only its disk keeps it */
};

/* A queue's pages and port, as all kinds have them. */
struct backend_queue {
	struct page **pages;
	unsigned int page_count;
	u32 first_reference;
	int irq;
};

int backend_make_queue(struct backend_device *device, unsigned int pages, unsigned int cpu, struct backend_queue *queue);
/* Nobody has requested its interrupt any more. */
void backend_free_queue(struct backend_queue *queue);
void backend_describe_queue(struct backend_device *device, unsigned int number, const struct backend_queue *queue);

/* Of a device for which nobody says how many: one for each CPU of both ends, up to a few. Each takes dom0's memory and grants. */
unsigned int backend_usual_queues(unsigned int domain);

/* Something in the device page has changed, beside the state. From any context, between offer() and free(). */
void backend_notify(const struct backend_device *device);
/* The front end of a device broke the rules: it will be closed. From any context. */
void backend_give_up(struct backend_device *device);
/* What fall_silent() was not content with may be over. From any context. */
void backend_note_done(const struct backend_device *device);

/*
 * Adds a device whose kind, number, queue_limit, queue_pages and features are set. 0 or an errno; the caller frees what it made if it
 * fails.
 */
int backend_add(unsigned int domain, struct backend_device *device);

/* What programs ask for. */
int backend_open_domain(struct ringfold_backend_domain *request);
int backend_close_domain(unsigned int id);
int backend_remove(const struct ringfold_backend_remove *request);
int backend_reset(const struct ringfold_backend_remove *request);
int backend_resize(const struct ringfold_backend_remove *request);
int backend_list(struct ringfold_backend_list *request);
int backend_give_order(const struct ringfold_backend_order *request);

/* block_back.c */
int backend_add_block(const struct ringfold_backend_block *block);
/* network_back.c */
#ifdef CONFIG_RINGFOLD_NETWORK_BACK
int backend_add_network(const struct ringfold_backend_network *network);
#else
static inline int backend_add_network(const struct ringfold_backend_network *network)
{
	return -EOPNOTSUPP;
}
#endif

#endif
