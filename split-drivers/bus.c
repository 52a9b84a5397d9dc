// SPDX-License-Identifier: GPL-2.0
/* The bus of virtual devices: what the control page lists, each with the driver of its kind. */
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <asm/ringfold.h>

#include "bus.h"
#include "shared_memory.h"

/* How often something is read again that changes while it is read. Who keeps to the protocol changes it twice. */
#define READ_ATTEMPTS 16U
/* How long the start of the system waits for the devices that are there from the beginning. */
#define START_PATIENCE (10 * HZ)

static struct ringfold_borrowed control;
static int control_irq;
static bool told; /* its port is masked until all was looked at */
static struct event_limit control_events;
static DEFINE_SPINLOCK(places_lock); /* of devices; one that is in its place may be told to look */
static struct front_device *devices[RINGFOLD_CONTROL_DEVICES];
static DECLARE_WAIT_QUEUE_HEAD(settling);
static bool looked;
static struct workqueue_struct *worker;

static void look(struct work_struct *work);
static void step_device(struct work_struct *work);
static DECLARE_DELAYED_WORK(look_work, look);
static void end_wait(struct work_struct *work);
static DECLARE_DELAYED_WORK(wait_work, end_wait);
static DEFINE_SPINLOCK(wait_lock); /* of when it ends */
static unsigned long wait_end; /* jiffies; while it is pending */

struct front_driver *front_driver_of(const struct front_device *device)
{
	return device->dev.driver != NULL ? container_of(device->dev.driver, struct front_driver, driver) : NULL;
}

void front_set_state(struct front_device *device, u32 state)
{
	device->state = state;
	/* After all that it stands for. */
	smp_store_release(&device->page->front_state, state);
	ringfold_notify(control_irq);
}

void front_settled(struct front_device *device)
{
	WRITE_ONCE(device->settled, true);
	wake_up_all(&settling);
}

/* --- the bus --- */

static int bus_match(struct device *device, struct device_driver *driver)
{
	return to_front_device(device)->entry.kind == container_of(driver, struct front_driver, driver)->kind;
}

static int bus_probe(struct device *device)
{
	struct front_device *front = to_front_device(device);
	int error = front_driver_of(front)->probe(front);

	if (error == 0)
		front_begin(front);
	else
		front_settled(front);
	return error;
}

static void bus_remove(struct device *device)
{
	struct front_device *front = to_front_device(device);

	front_end(front);
	front_driver_of(front)->remove(front);
}

static struct bus_type bus = {
	.name = "ringfold",
	.match = bus_match,
	.probe = bus_probe,
	.remove = bus_remove,
};

static void release_device(struct device *device)
{
	struct front_device *front = to_front_device(device);

	ringfold_give_back(&front->borrowed);
	kfree(front);
}

/* --- what the control page says --- */

/* The generation of each place whose device could not be made, of which was told. */
static u32 failed[RINGFOLD_CONTROL_DEVICES];

static struct ringfold_control_page *control_page(void)
{
	return control.address;
}

/* Generation 0, as if it were empty, if it changes all the time. */
static struct ringfold_control_device read_entry(unsigned int place)
{
	const struct ringfold_control_device *shared = &control_page()->devices[place];
	struct ringfold_control_device entry;
	unsigned int attempt;

	for (attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
		/* Before the fields. */
		const u32 generation = smp_load_acquire(&shared->generation);

		copy_shared_words(&entry, shared, sizeof(entry) / sizeof(u64));
		/* No load of the fields moves behind the second one of the generation. */
		smp_rmb();
		entry.generation = generation;
		if (generation == READ_ONCE(shared->generation))
			return entry;
	}
	return (struct ringfold_control_device){};
}

/* -EEXIST: another place has a device of this kind and number; -EAGAIN: it had, and that is on its way out. */
static int check_name(const struct ringfold_control_device *entry)
{
	unsigned int place;
	int error = 0;

	spin_lock(&places_lock);
	for (place = 0; place < RINGFOLD_CONTROL_DEVICES && error == 0; place++) {
		const struct front_device *device = devices[place];

		if (device == NULL || device->entry.kind != entry->kind || device->entry.number != entry->number)
			continue;
		error = READ_ONCE(control_page()->devices[place].generation) == device->entry.generation ? -EEXIST : -EAGAIN;
	}
	spin_unlock(&places_lock);
	return error;
}

static int add_device(struct front_device *device, unsigned int place, const struct ringfold_control_device *entry)
{
	int error;

	device->place = place;
	device->entry = *entry;
	INIT_WORK(&device->work, step_device);
	error = ringfold_borrow(entry->domain, entry->reference, 1, &device->borrowed);
	if (error != 0) {
		kfree(device);
		return error;
	}
	device->page = device->borrowed.address;
	/* Of an earlier kernel of this guest, if it is not 0. */
	device->state = READ_ONCE(device->page->front_state);
	device->dev.bus = &bus;
	device->dev.release = release_device;
	dev_set_name(&device->dev, "%u-%u", entry->kind, entry->number);
	error = device_register(&device->dev);
	if (error != 0)
		put_device(&device->dev);
	return error;
}

/* It is tried again whenever the page is looked at. */
static void note_failure(unsigned int place, const struct ringfold_control_device *entry, int error)
{
	if (failed[place] != entry->generation)
		pr_err_ratelimited("ringfold: device %u of kind %u in place %u of the control page: %d\n", entry->number,
				   entry->kind, place, error);
	failed[place] = entry->generation;
}

static void find_device(unsigned int place, const struct ringfold_control_device *entry)
{
	struct front_device *device = NULL;
	int error = check_name(entry);

	/* The end of that one looks again. */
	if (error == -EAGAIN)
		return;
	if (error == 0) {
		device = kzalloc(sizeof(*device), GFP_KERNEL);
		error = device != NULL ? add_device(device, place, entry) : -ENOMEM;
	}
	if (error != 0) {
		note_failure(place, entry, error);
		return;
	}
	spin_lock(&places_lock);
	devices[place] = device;
	spin_unlock(&places_lock);
}

/* Another one may come to its place. */
static void remove_device(struct front_device *device)
{
	get_device(&device->dev);
	device_unregister(&device->dev);
	spin_lock(&places_lock);
	devices[device->place] = NULL;
	cancel_work(&device->work);
	spin_unlock(&places_lock);
	put_device(&device->dev);
	front_look_again();
}

static void tell_driver(struct front_device *device)
{
	device_lock(&device->dev);
	if (front_driver_of(device) != NULL)
		front_step(device);
	device_unlock(&device->dev);
}

static void step_device(struct work_struct *work)
{
	struct front_device *device = container_of(work, struct front_device, work);
	/* What is to be written may wait for a disk that is connected here: memory for that must not wait for the disk. */
	const unsigned int flags = memalloc_noio_save();

	if (READ_ONCE(device->lost))
		remove_device(device);
	else
		tell_driver(device);
	memalloc_noio_restore(flags);
}

/* True: there is a device, which looks for itself. */
static bool tell_device(unsigned int place, u32 generation)
{
	struct front_device *device;

	spin_lock(&places_lock);
	device = devices[place];
	if (device != NULL) {
		if (device->entry.generation != generation)
			WRITE_ONCE(device->lost, true);
		queue_work(worker, &device->work);
	}
	spin_unlock(&places_lock);
	return device != NULL;
}

static void look_at_place(unsigned int place)
{
	struct ringfold_control_device entry = read_entry(place);

	if (!tell_device(place, entry.generation) && entry.generation != 0)
		find_device(place, &entry);
}

/* Whatever it has found: those who mean well change little. */
static void listen_to_control(void)
{
	unsigned long wait;

	if (!READ_ONCE(told))
		return;
	wait = event_limit_wait(&control_events, true);
	if (wait != 0) {
		front_look_later(wait);
		return;
	}
	WRITE_ONCE(told, false);
	enable_irq(control_irq);
}

static void look(struct work_struct *work)
{
	const unsigned int flags = memalloc_noio_save();
	unsigned int place;

	front_take_order(control_page());
	for (place = 0; place < RINGFOLD_CONTROL_DEVICES; place++)
		look_at_place(place);
	memalloc_noio_restore(flags);
	listen_to_control();
	WRITE_ONCE(looked, true);
	wake_up_all(&settling);
}

void front_look_again(void)
{
	mod_delayed_work(worker, &look_work, 0);
}

static void end_wait(struct work_struct *work)
{
	front_look_again();
}

void front_look_later(unsigned long delay)
{
	const unsigned long end = jiffies + delay;

	spin_lock(&wait_lock);
	/* The first one that ends looks at all devices, and those that still have to wait say so again. */
	if (!delayed_work_pending(&wait_work) || time_before(end, wait_end)) {
		wait_end = end;
		mod_delayed_work(worker, &wait_work, delay);
	}
	spin_unlock(&wait_lock);
}

static irqreturn_t note_change(int irq, void *data)
{
	disable_irq_nosync(irq);
	WRITE_ONCE(told, true);
	front_look_again();
	return IRQ_HANDLED;
}

int front_register_driver(struct front_driver *driver)
{
	driver->driver.bus = &bus;
	return driver_register(&driver->driver);
}
EXPORT_SYMBOL_GPL(front_register_driver);

/* --- the beginning --- */

static int __init connect_control(const struct ringfold_control_place *place)
{
	int error = ringfold_borrow(place->domain, place->reference, 1, &control);

	if (error != 0)
		return error;
	if (READ_ONCE(control_page()->magic) != RINGFOLD_CONTROL_MAGIC ||
	    READ_ONCE(control_page()->version) != RINGFOLD_CONTROL_VERSION)
		return -EPROTO;
	control_irq = ringfold_connect_channel(place->domain, place->port, 0);
	return control_irq < 0 ? control_irq : request_irq(control_irq, note_change, IRQF_NO_SUSPEND, "ringfold-control", NULL);
}

static int __init start_bus(void)
{
	int error;

	if (!ringfold_domain)
		return 0;
	error = bus_register(&bus);
	if (error != 0 || ringfold_control_place.domain == 0)
		return error;
	worker = alloc_workqueue("ringfold-front", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	error = worker != NULL ? connect_control(&ringfold_control_place) : -ENOMEM;
	if (error != 0) {
		pr_err("ringfold: no control page: %d\n", error);
		return error;
	}
	front_look_again();
	return 0;
}
subsys_initcall(start_bus);

static bool all_settled(void)
{
	bool settled = READ_ONCE(looked);
	unsigned int place;

	spin_lock(&places_lock);
	for (place = 0; place < RINGFOLD_CONTROL_DEVICES && settled; place++) {
		const struct front_device *device = devices[place];

		settled = device == NULL || device->dev.driver == NULL || READ_ONCE(device->settled);
	}
	spin_unlock(&places_lock);
	return settled;
}

/* What comes next may be mounting the root file system. */
static int __init wait_for_devices(void)
{
	if (ringfold_domain && ringfold_control_place.domain != 0 && !wait_event_timeout(settling, all_settled(), START_PATIENCE))
		pr_warn("ringfold: not all devices are there yet\n");
	return 0;
}
late_initcall_sync(wait_for_devices);
