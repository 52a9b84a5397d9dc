/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An interface of this kernel whose cable leads to another domain: the same at both ends of ringfold/network.h, but for
 * who made the queues.
 */
#ifndef RINGFOLD_NETWORK_LINK_H
#define RINGFOLD_NETWORK_LINK_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/netdevice.h>

#include "event_limit.h"
#include "network_ring.h"
#include "rate_limit.h"

struct network_link;

struct network_queue {
	struct network_link *link;
	unsigned int number;
	int irq;
	struct napi_struct napi;
	struct network_writer writer; /* the lock of the interface's queue of this number guards it */
	struct network_reader reader; /* the poll function's */
	struct hrtimer timer; /* receives again what a limit holds up */
	struct event_limit events;
	bool told;  /* the port is masked until all was looked at */
	bool found; /* something, since then */
	bool broken;
};

/* The private part of a net_device begins with it. */
struct network_link {
	struct net_device *netdev;
	bool serves;  /* it is the back end's: it says which checksums are right, and is told by nobody */
	/* The other end does not keep to the protocol, in what a text says that stays. From any context. */
	void (*broken)(struct network_link *link, const char *what);
	struct rate_limit limit; /* of what is received, in all queues */
	u32 features; /* of the connection */
	unsigned int queue_count; /* 0: there is no connection */
	struct network_queue *queues;
};

/* What all interfaces have; before they are registered. -ENOMEM */
int network_prepare(struct net_device *netdev, struct network_link *link);
/* When it is not registered any more, or was not. */
void network_forget(struct net_device *netdev);

/* Queues without pages and interrupts. NULL: no memory. */
struct network_queue *network_make_queues(struct network_link *link, unsigned int count);
/* The streams that it writes to and reads from: positions, memory, and the size of each. */
void network_set_rings(struct network_queue *queue, struct ringfold_network_stream *out, u8 *out_data,
		       struct ringfold_network_stream *in, u8 *in_data, u32 size);

/*
 * Connects the interface with queues whose rings and irq are set: requests the interrupts, begins to send and to receive.
 * 0 or an errno, with nothing changed; the caller frees the queues with kvfree() then, or when it has disconnected.
 */
int network_connect(struct network_link *link, struct network_queue *queues, unsigned int count, u32 features);
/* Nothing uses the queues any more. */
void network_disconnect(struct network_link *link);

/* What an interface's operations have in common. */
int network_open(struct net_device *netdev);
int network_stop(struct net_device *netdev);
netdev_tx_t network_transmit(struct sk_buff *skb, struct net_device *netdev);
netdev_features_t network_fix_features(struct net_device *netdev, netdev_features_t features);

#endif
