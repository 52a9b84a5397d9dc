// SPDX-License-Identifier: GPL-2.0
/* The states of a device, as the front end goes through them (ringfold/device.h); the same for all kinds. */
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "bus.h"
#include "shared_memory.h"

/* After an attempt that failed. */
#define RETRY_INTERVAL HZ
/* Connections, one after the other without an error: so many at once, and one in each interval. */
#define ASKS_BURST 16U
#define ASKS_INTERVAL (HZ / 4)
/* Sizes, links: each makes others look. */
#define CHANGES_BURST 16U
#define CHANGES_INTERVAL (10 * HZ)
/* Lines in the log, of one device. */
#define COMPLAINTS_BURST 16U
#define COMPLAINTS_INTERVAL (60 * HZ)

u32 front_back_state(const struct front_device *device)
{
	/* Before all that it stands for. */
	return smp_load_acquire(&device->page->back_state);
}

static void give_up(struct front_device *device, int error)
{
	dev_err(&device->dev, "it does not work: %d\n", error);
	device->over = true;
	if (front_driver_of(device)->fail != NULL)
		front_driver_of(device)->fail(device);
	front_set_state(device, RINGFOLD_STATE_CLOSED);
	front_settled(device);
}

static bool may_complain(struct front_device *device)
{
	return event_limit_take(&device->complaints, COMPLAINTS_BURST, COMPLAINTS_INTERVAL) == 0;
}

/* It does not work now. Nobody waits for it, and it asks again when some time has passed. */
static void put_off(struct front_device *device, int error, const char *why)
{
	if (error != device->error && may_complain(device))
		dev_err(&device->dev, "%s: %d\n", why, error);
	device->error = error;
	device->not_before = jiffies + RETRY_INTERVAL;
	front_settled(device);
}

/* Or will be looked at when it may. */
static bool may_ask(struct front_device *device)
{
	unsigned long wait;

	if (device->error != 0 && !time_after_eq(jiffies, device->not_before))
		wait = device->not_before - jiffies;
	else
		wait = event_limit_take(&device->asks, ASKS_BURST, ASKS_INTERVAL);
	if (wait != 0)
		front_look_later(wait);
	return wait == 0;
}

static void ask(struct front_device *device)
{
	struct front_choice choice = {};
	int error = front_driver_of(device)->choose(device, &choice);

	if (error != 0) {
		give_up(device, error);
		return;
	}
	device->choice = choice;
	WRITE_ONCE(device->page->queue_count, choice.queues);
	WRITE_ONCE(device->page->taken_features, choice.features);
	front_set_state(device, RINGFOLD_STATE_ASKED);
}

static void connect(struct front_device *device)
{
	int error = front_driver_of(device)->connect(device);

	if (error != 0) {
		/* If its end came meanwhile, there is nothing wrong: the pages of its queues went away. */
		if (front_back_state(device) == RINGFOLD_STATE_CONNECTED)
			put_off(device, error, "it cannot be connected now");
		WRITE_ONCE(device->broken, NULL);
		front_set_state(device, RINGFOLD_STATE_CLOSED);
		return;
	}
	device->connected = true;
	device->error = 0;
	front_set_state(device, RINGFOLD_STATE_CONNECTED);
}

static void disconnect(struct front_device *device)
{
	if (device->connected)
		front_driver_of(device)->disconnect(device);
	device->connected = false;
	WRITE_ONCE(device->broken, NULL);
}

static bool may_close(struct front_device *device)
{
	const struct front_driver *driver = front_driver_of(device);

	return !device->connected || driver->may_close == NULL || driver->may_close(device);
}

static void let_go(struct front_device *device)
{
	disconnect(device);
	front_set_state(device, RINGFOLD_STATE_CLOSED);
}

/* The back end has ended the connection, or begun anew without a word of it. */
static bool has_ended(const struct front_device *device, u32 back)
{
	return back == RINGFOLD_STATE_CLOSED || (back == RINGFOLD_STATE_OFFERED && device->connected);
}

/* What it says of the end, if that is an error. */
static void note_error(struct front_device *device)
{
	const u32 error = READ_ONCE(device->page->error);

	if (error != 0)
		put_off(device, error < MAX_ERRNO ? -(int)error : -EPROTO, "its back end has ended the connection");
}

static void step_of_asking(struct front_device *device, u32 back)
{
	const char *broken = READ_ONCE(device->broken);

	if (broken != NULL) {
		put_off(device, -EPROTO, broken);
		let_go(device);
	} else if (has_ended(device, back)) {
		if (back == RINGFOLD_STATE_CLOSED)
			note_error(device);
		let_go(device);
	} else if (back == RINGFOLD_STATE_CLOSING && may_close(device)) {
		let_go(device);
		front_settled(device);
	} else if (back == RINGFOLD_STATE_CONNECTED && !device->connected) {
		connect(device);
	} else if (back == RINGFOLD_STATE_CONNECTED) {
		front_driver_of(device)->offer_changed(device);
	}
}

void front_step(struct front_device *device)
{
	const u32 back = front_back_state(device);
	const u32 before = device->state;

	switch (device->state) {
	case RINGFOLD_STATE_NONE:
		if (back == RINGFOLD_STATE_OFFERED && may_ask(device))
			ask(device);
		break;
	case RINGFOLD_STATE_ASKED:
	case RINGFOLD_STATE_CONNECTED:
		step_of_asking(device, back);
		break;
	case RINGFOLD_STATE_CLOSED:
		if (back == RINGFOLD_STATE_CLOSED && !device->over)
			front_set_state(device, RINGFOLD_STATE_NONE);
		break;
	}
	/* What the next step waits for may be there already: nobody would tell of it. */
	if (device->state != before)
		front_look_again();
}

void front_begin(struct front_device *device)
{
	/* A connection of an earlier kernel of this guest, or of an earlier driver, ends first. */
	if (device->state != RINGFOLD_STATE_NONE)
		front_set_state(device, RINGFOLD_STATE_CLOSED);
	front_step(device);
}

void front_end(struct front_device *device)
{
	disconnect(device);
	if (!READ_ONCE(device->lost))
		front_set_state(device, RINGFOLD_STATE_CLOSED);
}

void front_give_up(struct front_device *device, const char *what)
{
	if (READ_ONCE(device->broken) != NULL)
		return;
	WRITE_ONCE(device->broken, what);
	front_look_again();
}

u32 front_queue_limit(const struct front_device *device)
{
	return clamp_t(u32, READ_ONCE(device->page->queue_limit), 1, RINGFOLD_DEVICE_QUEUES);
}

struct ringfold_device_queue front_read_queue(const struct front_device *device, unsigned int number)
{
	struct ringfold_device_queue queue;

	copy_shared_words(&queue, &device->page->queues[number], sizeof(queue) / sizeof(u64));
	return queue;
}

int front_refuse(struct front_device *device, const struct offer_fault *fault)
{
	if (may_complain(device))
		dev_err(&device->dev, "its back end offers %s %llu, expected is: %s\n", fault->field,
			(unsigned long long)fault->value, fault->expected);
	return -EPROTO;
}

bool front_may_change(struct front_device *device)
{
	const unsigned long wait = event_limit_take(&device->changes, CHANGES_BURST, CHANGES_INTERVAL);

	if (wait != 0)
		front_look_later(wait);
	return wait == 0;
}
