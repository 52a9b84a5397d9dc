/* SPDX-License-Identifier: MIT */
/*
 * What every other header of the ABI needs: fixed-width types, the size assertion and the error numbers.
 * Usable from C11 and C++20, freestanding or hosted.
 */
#ifndef RINGFOLD_BASE_H
#define RINGFOLD_BASE_H

#ifdef __KERNEL__ /* Linux brings its own fixed-width types and offsetof */
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
#define RINGFOLD_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define RINGFOLD_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define RINGFOLD_ASSERT_SIZE(type, size) RINGFOLD_STATIC_ASSERT(sizeof(type) == (size), #type " must be " #size " bytes")
#define RINGFOLD_ASSERT_OFFSET(type, member, offset) \
	RINGFOLD_STATIC_ASSERT(offsetof(type, member) == (offset), #type "." #member " must be at " #offset)

/* ABI version: the low 16 bits count additions, the high 16 bits breaks. 0.x may change in every commit. */
#define RINGFOLD_ABI_VERSION 0x00000001U

/* A hypercall's status is 0 or one of these, negated. The numbers are Linux'. */
#define RINGFOLD_EPERM 1      /* the caller does not hold the right */
#define RINGFOLD_ENOENT 2     /* no such object */
#define RINGFOLD_ENOEXEC 8    /* an image or table that does not parse */
#define RINGFOLD_EAGAIN 11    /* preempted: issue the rest again, from the progress on */
#define RINGFOLD_ENOMEM 12    /* out of memory */
#define RINGFOLD_EACCES 13    /* an entry or use that the rules never allow */
#define RINGFOLD_EFAULT 14    /* a frame number or call-buffer offset that names nothing of the caller's */
#define RINGFOLD_EBUSY 16     /* the object is in a use that excludes this one */
#define RINGFOLD_EEXIST 17    /* it exists already */
#define RINGFOLD_ENODEV 19    /* hardware that is missing or does not answer */
#define RINGFOLD_EINVAL 22    /* an argument that can never be right */
#define RINGFOLD_EMFILE 24    /* a limit on what the caller's domain may have at once */
#define RINGFOLD_ERANGE 34    /* a number past a documented limit */
#define RINGFOLD_ENOSYS 38    /* not in this version */
#define RINGFOLD_EOVERFLOW 75 /* a counter or table is full */
#define RINGFOLD_EUCLEAN 117  /* the audit found a wrong count */

/* A frame number that names no frame: registers "none". */
#define RINGFOLD_NO_FRAME 0xffffffffffffffffULL

#endif
