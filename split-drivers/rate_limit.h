/* SPDX-License-Identifier: GPL-2.0 */
/* How much may go through a device in a second. What comes in a pause may be made up for, a little. */
#ifndef RINGFOLD_RATE_LIMIT_H
#define RINGFOLD_RATE_LIMIT_H

#include <linux/ktime.h>
#include <linux/spinlock.h>

#define RATE_LIMIT_MOST (1ULL << 50) /* bytes a second; sums of it stay far from overflowing */

struct rate_limit {
	u64 rate;      /* bytes a second; 0: no limit */
	s64 burst;     /* bytes that may go through at once */
	spinlock_t lock;
	s64 credit;    /* bytes; what is taken with the last of it makes it negative */
	ktime_t since; /* when it was counted */
};

/* `least_burst`: of the largest thing that must go through at once. */
void rate_limit_init(struct rate_limit *limit, u64 rate, u32 least_burst);
/* How long nothing may go through: 0, or nanoseconds. Not in hard interrupts, as the other one. */
u64 rate_limit_wait(struct rate_limit *limit);
/* So much has gone through. */
void rate_limit_take(struct rate_limit *limit, u32 bytes);

#endif
