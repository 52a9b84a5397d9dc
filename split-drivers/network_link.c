// SPDX-License-Identifier: GPL-2.0
/*
 * Sending into one stream, receiving out of the other. Packets are copied as they come: nothing of the other end's memory
 * is looked at twice, and what it does with its time holds up nobody but its own queue.
 */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>

#include <linux/ringfold_device.h>

#include "copy.h"
#include "network_link.h"

#define OFFLOADS (NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO6 | NETIF_F_TSO_ECN)
/* Larger packets have their data in pages; the headers are copied out of the first bytes. */
#define LINEAR_MOST 1600U
#define LINEAR_HEADERS 256U
/* The writer hears of room when this part of the stream was read, though there is more to read. */
#define TELL_PART 4U
#define HAS_READ_TOO_MUCH "it has read what was not written"

static void note_broken(struct network_queue *queue, const char *what)
{
	if (!READ_ONCE(queue->broken)) {
		WRITE_ONCE(queue->broken, true);
		queue->link->broken(queue->link, what);
	}
}

/* --- heads of packets: the kernel has functions for virtio's, which say the same --- */

static u8 segmentation_of(u8 gso_type)
{
	const u8 congestion = gso_type & VIRTIO_NET_HDR_GSO_ECN ? RINGFOLD_NETWORK_TCP_CONGESTION : 0;

	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return RINGFOLD_NETWORK_TCP4 | congestion;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return RINGFOLD_NETWORK_TCP6 | congestion;
	default:
		return RINGFOLD_NETWORK_NOT_SEGMENTED;
	}
}

static u8 gso_type_of(u8 segmentation)
{
	const u8 congestion = segmentation & RINGFOLD_NETWORK_TCP_CONGESTION ? VIRTIO_NET_HDR_GSO_ECN : 0;

	switch (segmentation & ~RINGFOLD_NETWORK_TCP_CONGESTION) {
	case RINGFOLD_NETWORK_TCP4:
		return VIRTIO_NET_HDR_GSO_TCPV4 | congestion;
	case RINGFOLD_NETWORK_TCP6:
		return VIRTIO_NET_HDR_GSO_TCPV6 | congestion;
	default:
		return VIRTIO_NET_HDR_GSO_NONE;
	}
}

/* False: it cannot be sent in this way. */
static bool describe(const struct sk_buff *skb, bool serves, struct ringfold_network_packet *packet)
{
	struct virtio_net_hdr header;

	if (skb->len < RINGFOLD_NETWORK_SHORTEST || skb->len > RINGFOLD_NETWORK_LONGEST ||
	    virtio_net_hdr_from_skb(skb, &header, true, serves, 0) != 0)
		return false;
	*packet = (struct ringfold_network_packet){
		.length = skb->len,
		.flags = (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ? RINGFOLD_NETWORK_NEEDS_CHECKSUM : 0) |
			 (header.flags & VIRTIO_NET_HDR_F_DATA_VALID ? RINGFOLD_NETWORK_CHECKED : 0),
		.segmentation = segmentation_of(header.gso_type),
		.header_length = (__force u16)header.hdr_len,
		.segment_size = (__force u16)header.gso_size,
		.checksum_start = (__force u16)header.csum_start,
		.checksum_offset = (__force u16)header.csum_offset,
	};
	return true;
}

static int take_over(struct sk_buff *skb, bool serves, const struct ringfold_network_packet *packet)
{
	const struct virtio_net_hdr header = {
		.flags = packet->flags & RINGFOLD_NETWORK_NEEDS_CHECKSUM ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
		.gso_type = gso_type_of(packet->segmentation),
		.hdr_len = (__force __virtio16)packet->header_length,
		.gso_size = (__force __virtio16)packet->segment_size,
		.csum_start = (__force __virtio16)packet->checksum_start,
		.csum_offset = (__force __virtio16)packet->checksum_offset,
	};

	if (!serves && (packet->flags & RINGFOLD_NETWORK_CHECKED))
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return virtio_net_hdr_to_skb(skb, &header, true);
}

/* --- data of packets --- */

/* One of its runs of bytes. What was copied of the stream's part is behind it. */
static void copy_run(struct network_span **part, u8 *run, u32 length, bool to_stream)
{
	while (length != 0) {
		struct network_span *span = *part;
		const u32 count = min(length, span->length);

		if (to_stream)
			copy_words(span->data, run, count);
		else
			copy_words(run, span->data, count);
		run += count;
		length -= count;
		span->data += count;
		span->length -= count;
		if (span->length == 0)
			(*part)++;
	}
}

/* Between a packet without a list of others and its parts in the stream, which are as long as it is. */
static void copy_data(const struct sk_buff *skb, struct network_span *part, bool to_stream)
{
	unsigned int index;

	copy_run(&part, skb->data, skb_headlen(skb), to_stream);
	for (index = 0; index < skb_shinfo(skb)->nr_frags; index++) {
		const skb_frag_t *fragment = &skb_shinfo(skb)->frags[index];

		copy_run(&part, skb_frag_address(fragment), skb_frag_size(fragment), to_stream);
	}
}

/* --- sending --- */

static void tell_reader(struct network_queue *queue)
{
	if (network_writer_tell(&queue->writer))
		ringfold_notify(queue->irq);
}

/* Until there is room for any packet. The poll function wakes it. */
static void stop_without_room(struct network_queue *queue, struct netdev_queue *sender)
{
	if (network_writer_room(&queue->writer, RINGFOLD_NETWORK_LONGEST) != NETWORK_FULL)
		return;
	netif_tx_stop_queue(sender);
	tell_reader(queue);
	if (network_writer_wait(&queue->writer, RINGFOLD_NETWORK_LONGEST) == NETWORK_ROOM)
		netif_tx_start_queue(sender);
}

static void put_packet(struct network_queue *queue, const struct sk_buff *skb, const struct ringfold_network_packet *packet)
{
	struct network_span spans[NETWORK_SPANS];

	network_writer_begin(&queue->writer, packet->length, spans);
	copy_data(skb, spans, true);
	network_writer_put(&queue->writer, packet);
}

static bool send_packet(struct network_queue *queue, struct sk_buff *skb)
{
	struct ringfold_network_packet packet;

	if (READ_ONCE(queue->broken) || !describe(skb, queue->link->serves, &packet))
		return false;
	/* It cannot have a list of packets, which was not among the features; who sends past them has it made one. */
	if (skb_has_frag_list(skb) && skb_linearize(skb) != 0)
		return false;
	switch (network_writer_room(&queue->writer, packet.length)) {
	case NETWORK_ROOM:
		break;
	case NETWORK_FULL: /* it was not stopped in time */
		return false;
	case NETWORK_STREAM_BROKEN:
		note_broken(queue, HAS_READ_TOO_MUCH);
		return false;
	}
	skb_tx_timestamp(skb);
	put_packet(queue, skb, &packet);
	dev_sw_netstats_tx_add(queue->link->netdev, 1, packet.length);
	return true;
}

netdev_tx_t network_transmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct network_link *link = netdev_priv(netdev);
	const unsigned int number = skb_get_queue_mapping(skb);
	struct network_queue *queue;

	if (number >= link->queue_count) {
		dev_core_stats_tx_dropped_inc(netdev);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}
	queue = &link->queues[number];
	if (send_packet(queue, skb)) {
		dev_consume_skb_any(skb);
	} else {
		dev_core_stats_tx_dropped_inc(netdev);
		dev_kfree_skb_any(skb);
	}
	stop_without_room(queue, netdev_get_tx_queue(netdev, number));
	if (!netdev_xmit_more())
		tell_reader(queue);
	return NETDEV_TX_OK;
}

/* True: it did. */
static bool start_with_room(struct network_queue *queue)
{
	struct netdev_queue *sender = netdev_get_tx_queue(queue->link->netdev, queue->number);
	enum network_room room;

	if (!netif_tx_queue_stopped(sender))
		return false;
	room = network_writer_room(&queue->writer, RINGFOLD_NETWORK_LONGEST);
	/* Nobody sends while it is stopped, who would find out. */
	if (room == NETWORK_STREAM_BROKEN)
		note_broken(queue, HAS_READ_TOO_MUCH);
	if (room != NETWORK_ROOM)
		return false;
	netif_tx_wake_queue(sender);
	return true;
}

/* --- receiving --- */

static struct sk_buff *make_skb(struct network_queue *queue, u32 length)
{
	const u32 linear = length <= LINEAR_MOST ? length : LINEAR_HEADERS;
	struct sk_buff *skb;
	int error;

	if (linear == length) {
		skb = napi_alloc_skb(&queue->napi, length);
	} else {
		skb = alloc_skb_with_frags(NET_SKB_PAD + NET_IP_ALIGN + linear, length - linear, PAGE_ALLOC_COSTLY_ORDER,
					   &error, GFP_ATOMIC);
		if (skb != NULL)
			skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	}
	if (skb == NULL)
		return NULL;
	skb_put(skb, linear);
	skb->data_len = length - linear;
	skb->len += length - linear;
	skb->dev = queue->link->netdev;
	return skb;
}

static void deliver(struct network_queue *queue, struct sk_buff *skb, const struct ringfold_network_packet *packet)
{
	struct net_device *netdev = queue->link->netdev;

	if (take_over(skb, queue->link->serves, packet) != 0) {
		dev_core_stats_rx_dropped_inc(netdev);
		kfree_skb(skb);
		return;
	}
	skb_record_rx_queue(skb, queue->number);
	skb->protocol = eth_type_trans(skb, netdev);
	dev_sw_netstats_rx_add(netdev, packet->length);
	napi_gro_receive(&queue->napi, skb);
}

static void tell_writer(struct network_queue *queue)
{
	if (network_reader_tell(&queue->reader))
		ringfold_notify(queue->irq);
}

static enum hrtimer_restart end_wait(struct hrtimer *timer)
{
	napi_schedule(&container_of(timer, struct network_queue, timer)->napi);
	return HRTIMER_NORESTART;
}

/* False: there is nothing that could be received. */
static bool receive_packet(struct network_queue *queue)
{
	struct network_span spans[NETWORK_SPANS];
	struct ringfold_network_packet packet;
	enum network_take taken;
	struct sk_buff *skb;

	if (READ_ONCE(queue->broken))
		return false;
	taken = network_reader_take(&queue->reader, &packet, spans);
	if (taken == NETWORK_NOTHING)
		return false;
	if (taken == NETWORK_TAKE_BROKEN) {
		note_broken(queue, "it has written what is no packet");
		return false;
	}
	if (!network_packet_is_right(&packet, queue->link->features)) {
		note_broken(queue, "it has sent a packet that was not agreed upon");
		return false;
	}
	skb = make_skb(queue, packet.length);
	if (skb != NULL)
		copy_data(skb, spans, false);
	network_reader_release(&queue->reader, &packet);
	rate_limit_take(&queue->link->limit, packet.length);
	if (queue->reader.read - queue->reader.told >= queue->reader.size / TELL_PART)
		tell_writer(queue);
	if (skb != NULL)
		deliver(queue, skb, &packet);
	else
		dev_core_stats_rx_dropped_inc(queue->link->netdev);
	return true;
}

static void look_later(struct network_queue *queue, u64 nanoseconds)
{
	hrtimer_start(&queue->timer, ns_to_ktime(nanoseconds), HRTIMER_MODE_REL_SOFT);
}

/* All was looked at that it was told of. */
static void listen(struct network_queue *queue)
{
	unsigned long wait;

	if (!READ_ONCE(queue->told))
		return;
	wait = event_limit_wait(&queue->events, !queue->found);
	if (wait != 0) {
		look_later(queue, jiffies_to_nsecs(wait));
		return;
	}
	queue->found = false;
	WRITE_ONCE(queue->told, false);
	enable_irq(queue->irq);
}

static int poll(struct napi_struct *napi, int budget)
{
	struct network_queue *queue = container_of(napi, struct network_queue, napi);
	u64 wait = 0;
	int done = 0;

	queue->found |= start_with_room(queue);
	while (done < budget) {
		wait = rate_limit_wait(&queue->link->limit);
		if (wait != 0 || !receive_packet(queue))
			break;
		done++;
	}
	tell_writer(queue);
	queue->found |= done != 0;
	if (done == budget)
		return done;
	/* There is more: it is looked at again. */
	if (wait == 0 && network_reader_wait(&queue->reader) && !READ_ONCE(queue->broken))
		return budget;
	if (wait != 0)
		look_later(queue, wait);
	else
		listen(queue);
	/* The last that is done: who disables it waits for this. What comes meanwhile makes it look again. */
	napi_complete_done(napi, done);
	return done;
}

static irqreturn_t note_event(int irq, void *data)
{
	struct network_queue *queue = data;

	disable_irq_nosync(irq);
	WRITE_ONCE(queue->told, true);
	napi_schedule(&queue->napi);
	return IRQ_HANDLED;
}

/* --- operations --- */

static void start_queues(struct network_link *link)
{
	unsigned int number;

	for (number = 0; number < link->queue_count; number++) {
		napi_enable(&link->queues[number].napi);
		/* What came before. */
		local_bh_disable();
		napi_schedule(&link->queues[number].napi);
		local_bh_enable();
	}
}

static void stop_queues(struct network_link *link)
{
	unsigned int number;

	for (number = 0; number < link->queue_count; number++) {
		napi_disable(&link->queues[number].napi);
		hrtimer_cancel(&link->queues[number].timer);
	}
}

int network_open(struct net_device *netdev)
{
	start_queues(netdev_priv(netdev));
	netif_tx_start_all_queues(netdev);
	return 0;
}

int network_stop(struct net_device *netdev)
{
	stop_queues(netdev_priv(netdev));
	/* Nobody can wake them any more. */
	netif_tx_disable(netdev);
	return 0;
}

netdev_features_t network_fix_features(struct net_device *netdev, netdev_features_t features)
{
	const struct network_link *link = netdev_priv(netdev);

	if (!(link->features & RINGFOLD_NETWORK_CHECKSUM))
		features &= ~OFFLOADS;
	if (!(link->features & RINGFOLD_NETWORK_SEGMENTATION))
		features &= ~NETIF_F_ALL_TSO;
	return features;
}

/* --- life --- */

int network_prepare(struct net_device *netdev, struct network_link *link)
{
	link->netdev = netdev;
	netdev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (netdev->tstats == NULL)
		return -ENOMEM;
	netdev->hw_features = NETIF_F_SG | OFFLOADS;
	netdev->features |= netdev->hw_features;
	netdev->vlan_features |= netdev->hw_features;
	netdev->min_mtu = ETH_MIN_MTU;
	netdev->max_mtu = ETH_MAX_MTU;
	netif_carrier_off(netdev);
	return 0;
}

void network_forget(struct net_device *netdev)
{
	free_percpu(netdev->tstats);
	free_netdev(netdev);
}

struct network_queue *network_make_queues(struct network_link *link, unsigned int count)
{
	struct network_queue *queues = kvcalloc(count, sizeof(*queues), GFP_KERNEL);
	unsigned int number;

	for (number = 0; queues != NULL && number < count; number++) {
		queues[number].link = link;
		queues[number].number = number;
		hrtimer_init(&queues[number].timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
		queues[number].timer.function = end_wait;
	}
	return queues;
}

void network_set_rings(struct network_queue *queue, struct ringfold_network_stream *out, u8 *out_data,
		       struct ringfold_network_stream *in, u8 *in_data, u32 size)
{
	queue->writer = (struct network_writer){ .stream = out, .data = out_data, .size = size };
	queue->reader = (struct network_reader){ .stream = in, .data = in_data, .size = size };
}

static int request_irqs(struct net_device *netdev, struct network_queue *queues, unsigned int count)
{
	unsigned int number;
	int error = 0;

	for (number = 0; number < count; number++) {
		error = request_irq(queues[number].irq, note_event, 0, netdev->name, &queues[number]);
		if (error != 0)
			break;
	}
	while (error != 0 && number-- > 0)
		free_irq(queues[number].irq, &queues[number]);
	return error;
}

static int connect_locked(struct network_link *link, struct network_queue *queues, unsigned int count, u32 features)
{
	unsigned int number;
	int error = netif_set_real_num_queues(link->netdev, count, count);

	if (error != 0)
		return error;
	for (number = 0; number < count; number++)
		netif_napi_add(link->netdev, &queues[number].napi, poll);
	error = request_irqs(link->netdev, queues, count);
	if (error != 0) {
		for (number = 0; number < count; number++)
			netif_napi_del(&queues[number].napi);
		return error;
	}
	link->features = features;
	link->queues = queues;
	link->queue_count = count;
	netdev_update_features(link->netdev);
	if (netif_running(link->netdev)) {
		start_queues(link);
		netif_tx_wake_all_queues(link->netdev);
	}
	return 0;
}

int network_connect(struct network_link *link, struct network_queue *queues, unsigned int count, u32 features)
{
	int error;

	rtnl_lock();
	error = connect_locked(link, queues, count, features);
	rtnl_unlock();
	return error;
}

void network_disconnect(struct network_link *link)
{
	const unsigned int count = link->queue_count;
	unsigned int number;

	rtnl_lock();
	netif_carrier_off(link->netdev);
	/* So that nobody begins to look, nor listens again. */
	for (number = 0; number < count; number++)
		disable_irq(link->queues[number].irq);
	if (netif_running(link->netdev))
		stop_queues(link);
	for (number = 0; number < count; number++)
		free_irq(link->queues[number].irq, &link->queues[number]);
	/* Nobody is sending when it returns, nor can wake who would. */
	netif_tx_disable(link->netdev);
	for (number = 0; number < count; number++)
		netif_napi_del(&link->queues[number].napi);
	link->queue_count = 0;
	link->queues = NULL;
	rtnl_unlock();
}
