/* SPDX-License-Identifier: MIT */
/*
 * /dev/ringfold-trace (root, 0600): the memory into which the hypervisor writes what it does (<ringfold/trace.h>).
 *
 * A file traces once. ioctl RINGFOLD_TRACE_START makes the rings and begins; a read-only mapping of the file has them then:
 * ring after ring, `frames` pages each. ioctl RINGFOLD_TRACE_STOP ends the trace; what was written stays in the rings. So does
 * closing the file, by whatever way: the memory is freed when the file is closed and no mapping of it is left.
 *
 * That half of a ring was filled is told by RINGFOLD_VIRTUAL_IRQ_TRACE, which /dev/ringfold binds.
 */
#ifndef _UAPI_LINUX_RINGFOLD_TRACE_H
#define _UAPI_LINUX_RINGFOLD_TRACE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * EEXIST: this file has traced before. As the hypervisor answers: EBUSY, somebody traces; EINVAL, no class or an unknown
 * one; ERANGE, `frames` is outside the limits; EPERM, the domain may not trace.
 */
struct ringfold_trace_start {
	__u32 classes;  /* bits 1 << RINGFOLD_TRACE_CLASS_* */
	__u32 frames;   /* of each ring: 1 to RINGFOLD_TRACE_FRAMES_MAX */
	__u32 cpus;     /* out: rings, one for each physical CPU */
	__u32 reserved; /* 0 */
};

#define RINGFOLD_TRACE_START _IOWR('R', 32, struct ringfold_trace_start)
#define RINGFOLD_TRACE_STOP _IO('R', 33) /* ENOENT: this file does not trace */

#endif
