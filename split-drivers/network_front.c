// SPDX-License-Identifier: GPL-2.0
/*
 * Network interfaces of this guest: the front end of ringfold/network.h. An interface stays, with its addresses, when the
 * back end closes and offers again.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "bus.h"
#include "network_link.h"
#include "network_offer.h"

/* The private part of its net_device. */
struct front_interface {
	struct network_link link;
	struct front_device *device;
	struct network_traits traits;
	struct ringfold_borrowed *pages; /* of each queue */
	bool registered;
};

static struct front_interface *interface_of(struct front_device *device)
{
	return dev_get_drvdata(&device->dev);
}

static void give_up(struct network_link *link, const char *what)
{
	front_give_up(container_of(link, struct front_interface, link)->device, what);
}

static const struct net_device_ops operations = {
	.ndo_open = network_open,
	.ndo_stop = network_stop,
	.ndo_start_xmit = network_transmit,
	.ndo_get_stats64 = dev_get_tstats64,
	.ndo_fix_features = network_fix_features,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_mac_address = eth_mac_addr,
};

/* --- queues --- */

static int open_queue(struct front_interface *interface, struct network_queue *queue)
{
	const struct ringfold_device_queue offered = front_read_queue(interface->device, queue->number);
	const unsigned int domain = interface->device->entry.domain;
	const u32 size = interface->traits.stream_pages * PAGE_SIZE;
	struct ringfold_borrowed *borrowed = &interface->pages[queue->number];
	struct ringfold_network_queue *positions;
	struct offer_fault fault;
	u8 *streams;
	int error;

	if (!network_queue_is_right(&offered, &interface->traits, &fault))
		return front_refuse(interface->device, &fault);
	error = ringfold_borrow(domain, offered.first_reference, offered.pages, borrowed);
	if (error != 0)
		return error;
	positions = borrowed->address;
	streams = borrowed->address + PAGE_SIZE;
	network_set_rings(queue, &positions->to_back, streams, &positions->to_front, streams + size, size);
	queue->irq = ringfold_connect_channel(domain, offered.port, cpumask_local_spread(queue->number, NUMA_NO_NODE));
	if (queue->irq >= 0)
		return 0;
	ringfold_give_back(borrowed);
	return queue->irq;
}

static void close_queues(struct front_interface *interface, struct network_queue *queues, unsigned int count)
{
	while (count-- > 0) {
		ringfold_close_channel(queues[count].irq);
		ringfold_give_back(&interface->pages[count]);
	}
	kvfree(queues);
	kvfree(interface->pages);
	interface->pages = NULL;
}

static int open_queues(struct front_interface *interface, struct network_queue *queues)
{
	unsigned int number;

	for (number = 0; number < interface->device->choice.queues; number++) {
		int error = open_queue(interface, &queues[number]);

		if (error != 0) {
			close_queues(interface, queues, number);
			return error;
		}
	}
	return 0;
}

/* --- the interface --- */

static int register_interface(struct front_interface *interface)
{
	struct net_device *netdev = interface->link.netdev;
	int error;

	if (interface->registered)
		return 0;
	eth_hw_addr_set(netdev, interface->traits.address);
	netdev->mtu = interface->traits.mtu;
	error = register_netdev(netdev);
	interface->registered = error == 0;
	return error;
}

static void set_link(struct net_device *netdev, bool plugged)
{
	if (plugged)
		netif_carrier_on(netdev);
	else
		netif_carrier_off(netdev);
}

static void check_link(struct front_device *device)
{
	struct net_device *netdev = interface_of(device)->link.netdev;
	const bool plugged = network_offer_read_link(device->page);

	if (plugged != netif_carrier_ok(netdev) && front_may_change(device))
		set_link(netdev, plugged);
}

static int choose(struct front_device *device, struct front_choice *choice)
{
	struct front_interface *interface = interface_of(device);
	const u32 queues = min(front_queue_limit(device), num_online_cpus());
	struct offer_fault fault;

	if (!network_offer_read(device->page, &interface->traits, &fault))
		return front_refuse(device, &fault);
	choice->queues = min(queues, interface->link.netdev->num_tx_queues);
	choice->features = interface->traits.features;
	return 0;
}

static int connect(struct front_device *device)
{
	struct front_interface *interface = interface_of(device);
	struct network_queue *queues = network_make_queues(&interface->link, device->choice.queues);
	int error = register_interface(interface);

	interface->pages = kvcalloc(device->choice.queues, sizeof(*interface->pages), GFP_KERNEL);
	if (queues == NULL || interface->pages == NULL)
		error = error ?: -ENOMEM;
	if (error != 0) {
		close_queues(interface, queues, 0);
		return error;
	}
	error = open_queues(interface, queues);
	if (error != 0)
		return error;
	error = network_connect(&interface->link, queues, device->choice.queues, device->choice.features);
	if (error != 0)
		close_queues(interface, queues, device->choice.queues);
	if (error != 0)
		return error;
	set_link(interface->link.netdev, network_offer_read_link(device->page));
	front_settled(device);
	return 0;
}

static void disconnect(struct front_device *device)
{
	struct front_interface *interface = interface_of(device);
	struct network_queue *queues = interface->link.queues;

	network_disconnect(&interface->link);
	close_queues(interface, queues, device->choice.queues);
}

static int probe_interface(struct front_device *device)
{
	const u32 queues = min(front_queue_limit(device), num_online_cpus());
	struct net_device *netdev = alloc_etherdev_mqs(sizeof(struct front_interface), queues, queues);
	struct front_interface *interface;
	int error;

	if (netdev == NULL)
		return -ENOMEM;
	interface = netdev_priv(netdev);
	interface->device = device;
	interface->link.broken = give_up;
	rate_limit_init(&interface->link.limit, 0, 0);
	netdev->netdev_ops = &operations;
	SET_NETDEV_DEV(netdev, &device->dev);
	dev_set_drvdata(&device->dev, interface);
	error = network_prepare(netdev, &interface->link);
	if (error != 0)
		network_forget(netdev);
	return error;
}

static void remove_interface(struct front_device *device)
{
	struct front_interface *interface = interface_of(device);

	if (interface->registered)
		unregister_netdev(interface->link.netdev);
	network_forget(interface->link.netdev);
}

static struct front_driver driver = {
	.driver = {
		.name = "ringfold-network",
		.owner = THIS_MODULE,
		.suppress_bind_attrs = true,
	},
	.kind = RINGFOLD_DEVICE_NETWORK,
	.probe = probe_interface,
	.choose = choose,
	.connect = connect,
	.offer_changed = check_link,
	.disconnect = disconnect,
	.remove = remove_interface,
};

static int __init start_network_front(void)
{
	return ringfold_control_place.domain != 0 ? front_register_driver(&driver) : 0;
}
device_initcall(start_network_front);
