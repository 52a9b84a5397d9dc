// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/math64.h>

#include "rate_limit.h"

#define BURST_TIME (50 * NSEC_PER_MSEC)

void rate_limit_init(struct rate_limit *limit, u64 rate, u32 least_burst)
{
	limit->rate = rate;
	limit->burst = max_t(s64, mul_u64_u64_div_u64(rate, BURST_TIME, NSEC_PER_SEC), least_burst);
	spin_lock_init(&limit->lock);
	limit->credit = limit->burst;
	limit->since = ktime_get();
}

static void add_credit(struct rate_limit *limit, ktime_t now)
{
	const u64 passed = min_t(u64, ktime_to_ns(ktime_sub(now, limit->since)), NSEC_PER_SEC);

	limit->credit = min_t(s64, limit->credit + mul_u64_u64_div_u64(limit->rate, passed, NSEC_PER_SEC), limit->burst);
	limit->since = now;
}

u64 rate_limit_wait(struct rate_limit *limit)
{
	u64 wait = 0;

	if (limit->rate == 0)
		return 0;
	spin_lock_bh(&limit->lock);
	if (limit->credit <= 0)
		add_credit(limit, ktime_get());
	if (limit->credit <= 0)
		wait = mul_u64_u64_div_u64(1 - limit->credit, NSEC_PER_SEC, limit->rate) + 1;
	spin_unlock_bh(&limit->lock);
	return wait;
}

void rate_limit_take(struct rate_limit *limit, u32 bytes)
{
	if (limit->rate == 0)
		return;
	spin_lock_bh(&limit->lock);
	limit->credit -= bytes;
	spin_unlock_bh(&limit->lock);
}
