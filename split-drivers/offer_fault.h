/* SPDX-License-Identifier: GPL-2.0 */
/* What is wrong with something that the back end offers, for a message; no kernel is needed. */
#ifndef RINGFOLD_OFFER_FAULT_H
#define RINGFOLD_OFFER_FAULT_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

struct offer_fault {
	const char *field;
	uint64_t value;
	const char *expected;
};

/* Always false: nobody goes on with a field that is wrong. */
static inline bool offer_is_wrong(struct offer_fault *fault, const char *field, uint64_t value, const char *expected)
{
	fault->field = field;
	fault->value = value;
	fault->expected = expected;
	return false;
}

static inline bool is_power(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

#endif
