// SPDX-License-Identifier: GPL-2.0
/* Network interfaces for guests: the back end of ringfold/network.h is an interface of this kernel, for a bridge or a route. */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "backend.h"
#include "network_link.h"

#define DEFAULT_STREAM_PAGES 64U
/* A guest that does not receive keeps so many packets of this kernel's waiting for each queue. */
#define SEND_QUEUE_LENGTH 64U


/* What a queue's pages are. */
struct shared_queue {
	struct backend_queue pages;
	u8 *streams; /* to the back end, to the front end */
};

/* The private part of its net_device. */
struct network_interface {
	struct network_link link;
	struct backend_device device;
	u8 address[ETH_ALEN]; /* of the guest's end */
	u32 stream_pages;
	bool up;
	struct ringfold_network_offer *offer; /* in the device page; NULL: it is not offered yet */
	struct shared_queue *shared;
};

static struct network_interface *interface_of(struct backend_device *device)
{
	return container_of(device, struct network_interface, device);
}

/* --- the interface --- */

/* The guest's cable is plugged in while this end is up. */
static void show_link(struct network_interface *interface)
{
	struct ringfold_network_offer *offer = READ_ONCE(interface->offer);

	if (offer != NULL) {
		WRITE_ONCE(offer->link, READ_ONCE(interface->up));
		backend_notify(&interface->device);
	}
}

static void set_up(struct network_interface *interface, bool up)
{
	WRITE_ONCE(interface->up, up);
	/* Either this or offer_network(), which may run meanwhile, sees what the other one wrote. */
	smp_mb();
	show_link(interface);
}

static int open_interface(struct net_device *netdev)
{
	int error = network_open(netdev);

	if (error == 0)
		set_up(netdev_priv(netdev), true);
	return error;
}

static int stop_interface(struct net_device *netdev)
{
	set_up(netdev_priv(netdev), false);
	return network_stop(netdev);
}

static const struct net_device_ops operations = {
	.ndo_open = open_interface,
	.ndo_stop = stop_interface,
	.ndo_start_xmit = network_transmit,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_fix_features = network_fix_features,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_mac_address = eth_mac_addr,
};

static void give_up(struct network_link *link, const char *what)
{
	backend_give_up(&container_of(link, struct network_interface, link)->device);
}

/* --- queues --- */

static void close_queue(struct shared_queue *shared)
{
	vunmap(shared->streams);
	backend_free_queue(&shared->pages);
}

static int open_queue(struct network_interface *interface, struct network_queue *queue, struct shared_queue *shared)
{
	const unsigned int pages = interface->device.queue_pages;
	const u32 size = interface->stream_pages * PAGE_SIZE;
	struct ringfold_network_queue *positions;
	int error = backend_make_queue(&interface->device, pages, cpumask_local_spread(queue->number, NUMA_NO_NODE),
				       &shared->pages);

	if (error != 0)
		return error;
	shared->streams = vmap(shared->pages.pages + 1, pages - 1, VM_MAP, PAGE_KERNEL);
	if (shared->streams == NULL) {
		backend_free_queue(&shared->pages);
		return -ENOMEM;
	}
	positions = page_address(shared->pages.pages[0]);
	queue->irq = shared->pages.irq;
	network_set_rings(queue, &positions->to_front, shared->streams + size, &positions->to_back, shared->streams, size);
	backend_describe_queue(&interface->device, queue->number, &shared->pages);
	return 0;
}

static void close_queues(struct network_interface *interface, struct network_queue *queues, unsigned int count)
{
	while (count-- > 0)
		close_queue(&interface->shared[count]);
	kvfree(queues);
	kvfree(interface->shared);
	interface->shared = NULL;
}

static int open_queues(struct network_interface *interface, struct network_queue *queues, unsigned int count)
{
	unsigned int number;

	for (number = 0; number < count; number++) {
		int error = open_queue(interface, &queues[number], &interface->shared[number]);

		if (error != 0) {
			close_queues(interface, queues, number);
			return error;
		}
	}
	return 0;
}

static int connect_network(struct backend_device *device, unsigned int count, u32 features)
{
	struct network_interface *interface = interface_of(device);
	struct network_queue *queues = network_make_queues(&interface->link, count);
	int error = -ENOMEM;

	interface->shared = kvcalloc(count, sizeof(*interface->shared), GFP_KERNEL);
	if (queues == NULL || interface->shared == NULL) {
		close_queues(interface, queues, 0);
		return error;
	}
	error = open_queues(interface, queues, count);
	if (error != 0)
		return error;
	error = network_connect(&interface->link, queues, count, features);
	if (error != 0) {
		close_queues(interface, queues, count);
		return error;
	}
	netif_carrier_on(interface->link.netdev);
	return 0;
}

static void disconnect_network(struct backend_device *device)
{
	struct network_interface *interface = interface_of(device);
	struct network_queue *queues = interface->link.queues;

	network_disconnect(&interface->link);
	close_queues(interface, queues, device->queues);
}

/* --- the device --- */

static void offer_network(struct backend_device *device)
{
	struct network_interface *interface = interface_of(device);
	struct ringfold_network_offer *offer = (void *)device->page->kind;

	*offer = (struct ringfold_network_offer){
		.mtu = interface->link.netdev->mtu,
		.stream_pages = interface->stream_pages,
	};
	ether_addr_copy(offer->address, interface->address);
	WRITE_ONCE(interface->offer, offer);
	/* See set_up(). */
	smp_mb();
	WRITE_ONCE(offer->link, READ_ONCE(interface->up));
}

static void describe_network(struct backend_device *device, struct ringfold_backend_device *description)
{
	struct net_device *netdev = interface_of(device)->link.netdev;
	struct rtnl_link_stats64 counts;

	dev_get_stats(netdev, &counts);
	description->interface = netdev->ifindex;
	description->requests = counts.rx_packets;
	description->bytes = counts.rx_bytes;
	description->received = counts.tx_packets;
	description->received_bytes = counts.tx_bytes;
}

static void free_network(struct backend_device *device)
{
	struct net_device *netdev = interface_of(device)->link.netdev;

	unregister_netdev(netdev);
	network_forget(netdev);
}

static const struct backend_kind network_kind = {
	.kind = RINGFOLD_DEVICE_NETWORK,
	.offer = offer_network,
	.connect = connect_network,
	.disconnect = disconnect_network,
	.describe = describe_network,
	.free = free_network,
};

static void init_interface(struct net_device *netdev, const struct ringfold_backend_network *network)
{
	struct network_interface *interface = netdev_priv(netdev);
	u8 address[ETH_ALEN];

	netdev->netdev_ops = &operations;
	netdev->mtu = network->mtu ?: ETH_DATA_LEN;
	netdev->tx_queue_len = SEND_QUEUE_LENGTH;
	snprintf(netdev->name, IFNAMSIZ, "vif%u.%u", network->domain, network->number);
	/* Of its own, and larger than those of a bridge's other ports: a bridge takes the smallest one for itself. */
	ether_addr_copy(address, network->address);
	address[0] = 0xfe;
	/* A bridge keeps what is for its ports' own addresses: the guest would get nothing. */
	if (ether_addr_equal(address, network->address))
		address[1] = ~address[1];
	eth_hw_addr_set(netdev, address);
	interface->link.serves = true;
	interface->link.broken = give_up;
	rate_limit_init(&interface->link.limit, network->rate, RINGFOLD_NETWORK_LONGEST);
	interface->stream_pages = network->stream_pages ?: DEFAULT_STREAM_PAGES;
	ether_addr_copy(interface->address, network->address);
	interface->device.kind = &network_kind;
	interface->device.number = network->number;
	interface->device.queue_limit = netdev->num_tx_queues;
	interface->device.queue_pages = 1 + 2 * interface->stream_pages;
	interface->device.features = RINGFOLD_NETWORK_CHECKSUM | RINGFOLD_NETWORK_SEGMENTATION;
}

static int add_interface(struct net_device *netdev, unsigned int domain)
{
	struct network_interface *interface = netdev_priv(netdev);
	int error = network_prepare(netdev, &interface->link);

	if (error == 0)
		error = register_netdev(netdev);
	if (error != 0)
		return error;
	error = backend_add(domain, &interface->device);
	if (error != 0)
		unregister_netdev(netdev);
	return error;
}

static bool request_is_right(const struct ringfold_backend_network *network)
{
	return network->number <= U16_MAX && network->queue_limit <= RINGFOLD_DEVICE_QUEUES &&
	       network->rate <= RATE_LIMIT_MOST && is_valid_ether_addr(network->address) &&
	       (network->mtu == 0 || (network->mtu >= ETH_MIN_MTU && network->mtu <= ETH_MAX_MTU)) &&
	       (network->stream_pages == 0 ||
		(is_power_of_2(network->stream_pages) && network->stream_pages >= RINGFOLD_NETWORK_STREAM_PAGES_LEAST &&
		 network->stream_pages <= RINGFOLD_NETWORK_STREAM_PAGES_MOST));
}

int backend_add_network(const struct ringfold_backend_network *network)
{
	const unsigned int queues = network->queue_limit ?: backend_usual_queues(network->domain);
	struct net_device *netdev;
	int error;

	if (!request_is_right(network))
		return -EINVAL;
	netdev = alloc_etherdev_mqs(sizeof(struct network_interface), queues, queues);
	if (netdev == NULL)
		return -ENOMEM;
	init_interface(netdev, network);
	error = add_interface(netdev, network->domain);
	if (error != 0)
		network_forget(netdev);
	return error;
}
