/* SPDX-License-Identifier: GPL-2.0 */
/* The devices of this guest: ringfold/device.h as the served domain sees it. */
#ifndef RINGFOLD_BUS_H
#define RINGFOLD_BUS_H

#include <linux/device.h>

#include <linux/ringfold_device.h>

#include <ringfold/device.h>

struct front_device {
	struct device dev;
	unsigned int place;      /* in the control page */
	struct ringfold_control_device entry; /* as it was read */
	struct ringfold_borrowed borrowed;
	struct ringfold_device_page *page;
	u32 state;               /* what page->front_state says; the page is never read back */
	bool lost;               /* the back end took it away */
	bool settled;            /* it works, or will not */
};

struct front_driver {
	struct device_driver driver;
	u16 kind; /* RINGFOLD_DEVICE_* */
	int (*probe)(struct front_device *device);
	/* The back end's state, or something else of the device page, may have changed. */
	void (*changed)(struct front_device *device);
	/* The device goes, or the driver: it must not be used any more. */
	void (*remove)(struct front_device *device);
};

int front_register_driver(struct front_driver *driver);

static inline struct front_device *to_front_device(struct device *device)
{
	return container_of(device, struct front_device, dev);
}

u32 front_back_state(const struct front_device *device);
/* After all that the state stands for was written. */
void front_set_state(struct front_device *device, u32 state);
/* order.c: carries out what the control page says, if that is new. Only the work that looks at the page may call it. */
void front_take_order(struct ringfold_control_page *page);
/* Calls changed() again. From any context. */
void front_look_again(void);
/* Its disk is there, or will not be: nobody who waits for devices has to wait for this one. */
void front_settled(struct front_device *device);

#endif
