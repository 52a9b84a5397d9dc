/* SPDX-License-Identifier: MIT */
/*
 * /dev/ringfold: hypercalls for the programs that manage domains. Who may open it (root, 0600) may all that the domain
 * may.
 *
 * ioctl RINGFOLD_REQUEST issues one hypercall. Its data travel in the kernel's call buffer: `data` is copied there
 * before the hypercall and back after it, and each argument that is an offset into the call buffer counts from the
 * begin of `data`. A preempted call (EAGAIN with progress in `value`) is the caller's to go on with. Refused with EPERM:
 * what would change the kernel under itself (its own page tables, call buffer, entry points, ...).
 *
 * ioctl RINGFOLD_COPY copies whole pages between the caller's memory and frames of another domain, and goes on until all
 * are copied. `done` counts them, also when it fails.
 *
 * ioctl RINGFOLD_BIND_VIRTUAL_IRQ binds a virtual interrupt (RINGFOLD_VIRTUAL_IRQ_*) to this open file, once each;
 * read() then gives the numbers (__u32 each) of those that were raised since the last read, and poll() waits for them.
 * A closed file gives back all that was bound.
 */
#ifndef _UAPI_LINUX_RINGFOLD_H
#define _UAPI_LINUX_RINGFOLD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define RINGFOLD_REQUEST_DATA_MAX 32768U

struct ringfold_request {
	__u32 number;       /* RINGFOLD_HYPERCALL_* */
	__u32 offsets;      /* bit n: argument n is a call-buffer offset */
	__u64 arguments[6];
	__s64 status;       /* out: as the hypervisor answered, 0 or -RINGFOLD_E* */
	__u64 value;        /* out: the hypercall's second result */
	__u64 data;         /* user address */
	__u32 data_size;    /* bytes, at most RINGFOLD_REQUEST_DATA_MAX */
	__u32 reserved;     /* 0 */
};

struct ringfold_copy {
	__u32 domain;
	__u32 direction; /* RINGFOLD_DOMAIN_COPY_IN or _OUT */
	__u64 frames;    /* user address of __u64[count]: machine frames of the domain */
	__u64 data;      /* user address of count pages */
	__u64 count;
	__u64 done;      /* out: pages copied */
};

#define RINGFOLD_REQUEST _IOWR('R', 0, struct ringfold_request)
#define RINGFOLD_COPY _IOWR('R', 1, struct ringfold_copy)
#define RINGFOLD_BIND_VIRTUAL_IRQ _IO('R', 2) /* the argument is the interrupt's number */

#endif
