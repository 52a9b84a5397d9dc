/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often the other end of a port may make this one look for nothing. Each event costs an interrupt and a look, and can be
 * sent without end; so its port stays masked (disable_irq_nosync()) until all was looked at, and then, if there have been too
 * many looks in vain, until some time has passed. Who keeps to the protocol sends events that are waited for, and is not held up.
 */
#ifndef RINGFOLD_EVENT_LIMIT_H
#define RINGFOLD_EVENT_LIMIT_H

#include <linux/jiffies.h>

#define EVENT_LIMIT_BURST 64U           /* looks in vain at once; a guest that connects many devices takes some for each */
#define EVENT_LIMIT_INTERVAL (HZ / 125) /* after which there may be another one */

struct event_limit {
	unsigned long looks; /* in vain that were taken, at most BURST */
	unsigned long since; /* jiffies when the last one of them was given back */
};

/*
 * Takes one of `burst` that there are at once, and one more after each interval. 0: it was there; else there is one after so
 * many jiffies. It also holds for other things than looks that the other end could make happen without end.
 */
static inline unsigned long event_limit_take(struct event_limit *limit, unsigned int burst, unsigned long interval)
{
	/* Read once: another CPU may move it on, and a wait must not end up below zero. */
	const unsigned long now = jiffies;
	const unsigned long passed = (now - limit->since) / interval;

	if (passed >= limit->looks) {
		limit->looks = 0;
		limit->since = now;
	} else {
		limit->looks -= passed;
		limit->since += passed * interval;
	}
	if (limit->looks >= burst)
		return limit->since + interval - now;
	limit->looks++;
	return 0;
}

/* After a look. 0: listen again; else look again after so many jiffies, and listen then. */
static inline unsigned long event_limit_wait(struct event_limit *limit, bool in_vain)
{
	return in_vain ? event_limit_take(limit, EVENT_LIMIT_BURST, EVENT_LIMIT_INTERVAL) : 0;
}

/* One that was taken does not count. */
static inline void event_limit_give_back(struct event_limit *limit)
{
	if (limit->looks > 0)
		limit->looks--;
}

#endif
