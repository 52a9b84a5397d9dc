/* SPDX-License-Identifier: MIT */
/*
 * /dev/ringfold-backend: makes and removes the virtual devices of other domains that this kernel serves. Who may open it
 * (root, 0600) may give away any disk. What was made stays when the file is closed, and goes when the domain is gone.
 *
 * No ioctl waits for a guest. Errors are errno's.
 */
#ifndef _UAPI_LINUX_RINGFOLD_BACKEND_H
#define _UAPI_LINUX_RINGFOLD_BACKEND_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * OPEN makes the control page of a domain that is being built; its builder writes the answer to the start-info page.
 * EEXIST: it has one; ENOBUFS: no room in the grant table. CLOSE takes all of its devices away, without asking it.
 */
struct ringfold_backend_domain {
	__u32 domain;
	__u32 reference; /* out */
	__u32 port;      /* out */
	__u32 reserved;  /* 0 */
};

#define RINGFOLD_BACKEND_READ_ONLY 1U

/*
 * ADD_BLOCK gives the domain a disk. ENOENT: it has no control page; EEXIST: it has this number; EBUSY: somebody else has
 * the block device for itself; ENOSPC: no room in the control page; ENOBUFS: none in the grant table for all its queues.
 */
struct ringfold_backend_block {
	__u32 domain;
	__u32 number;
	__s32 descriptor; /* an open block device, for writing unless READ_ONLY */
	__u32 flags;
	__u32 queue_limit; /* 0: one for each CPU of both ends, up to 4 */
	__u32 pool_pages;  /* of each queue; 0: as the kernel thinks */
	__u64 rate;        /* bytes a second that are read and written; 0: no limit */
};

/*
 * ADD_NETWORK gives the domain a network interface. Its other end is an interface of this kernel, "vif<domain>.<number>",
 * which is down at first: the guest sees a cable that is plugged in when it is up. Errors as for ADD_BLOCK; EOPNOTSUPP: this
 * kernel has no network.
 */
struct ringfold_backend_network {
	__u32 domain;
	__u32 number;
	__u8 address[6]; /* of the guest's end: an Ethernet address of one interface */
	__u16 reserved;  /* 0 */
	__u32 mtu;          /* 0: 1500 */
	__u32 queue_limit;  /* 0: one for each CPU of both ends, up to 4 */
	__u32 stream_pages; /* of each queue and direction, a power of two; 0: as the kernel thinks */
	__u32 reserved2;    /* 0 */
	__u64 rate;         /* bytes a second that the guest may send; 0: no limit */
};

#define RINGFOLD_BACKEND_FORCE 1U

/*
 * REMOVE asks the front end to let go of a device; it is gone when LIST does not show it any more. With FORCE, at once.
 * A second REMOVE may force what the first one asked for.
 *
 * RESET ends a device's connection at once, as if the back end had died: the front end hears no answer to what it has asked,
 * connects again, and asks again. It waits for the disk, never for the guest.
 *
 * RESIZE looks at the size of a disk's block device at once, and tells the front end if it has changed, as happens by
 * itself within some seconds. EOPNOTSUPP: the device is no disk.
 *
 * RESET and RESIZE take no flags.
 */
struct ringfold_backend_remove {
	__u32 domain;
	__u16 kind; /* RINGFOLD_DEVICE_* */
	__u16 number;
	__u32 flags;
	__u32 reserved; /* 0 */
};

struct ringfold_backend_device {
	__u16 kind;
	__u16 number;
	__u8 back_state; /* RINGFOLD_STATE_* */
	__u8 front_state;
	__u16 queues; /* connected ones */
	__u32 flags;  /* as it was added */
	__u32 error;
	__u32 interface; /* network: the index of this kernel's end */
	__u32 reserved;
	__u64 sectors;        /* block */
	__u64 block_device;   /* block: as in st_rdev */
	__u64 requests;       /* block: served since it was added; network: packets that the guest sent */
	__u64 bytes;          /* block: of reads and writes; network: of those packets */
	__u64 received;       /* network: packets that were sent to the guest */
	__u64 received_bytes; /* network */
};

struct ringfold_backend_list {
	__u32 domain;
	__u32 count;   /* in: room; out: devices that there are */
	__u64 devices; /* user address of struct ringfold_backend_device[count] */
};

/*
 * ORDER tells a guest what a user wants of it (RINGFOLD_ORDER_* of <ringfold/device.h>). ENOENT: it has no control page;
 * ENOTCONN: it does not listen to it.
 */
struct ringfold_backend_order {
	__u32 domain;
	__u32 order;
	__u32 argument;
	__u32 reserved; /* 0 */
};

#define RINGFOLD_BACKEND_OPEN _IOWR('R', 16, struct ringfold_backend_domain)
#define RINGFOLD_BACKEND_CLOSE _IO('R', 17) /* the argument is the domain's number */
#define RINGFOLD_BACKEND_ADD_BLOCK _IOW('R', 18, struct ringfold_backend_block)
#define RINGFOLD_BACKEND_REMOVE _IOW('R', 19, struct ringfold_backend_remove)
#define RINGFOLD_BACKEND_LIST _IOWR('R', 20, struct ringfold_backend_list)
#define RINGFOLD_BACKEND_ORDER _IOW('R', 21, struct ringfold_backend_order)
#define RINGFOLD_BACKEND_ADD_NETWORK _IOW('R', 22, struct ringfold_backend_network)
#define RINGFOLD_BACKEND_RESET _IOW('R', 23, struct ringfold_backend_remove)
#define RINGFOLD_BACKEND_RESIZE _IOW('R', 24, struct ringfold_backend_remove)

#endif
