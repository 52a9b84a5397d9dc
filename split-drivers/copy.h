/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copying to and from memory that two domains share, in words. memcpy() moves single bytes where the processor says that this
 * is as fast; it is not in an emulator, which takes as long for a byte as for a word.
 */
#ifndef RINGFOLD_COPY_H
#define RINGFOLD_COPY_H

#include <linux/types.h>

static inline void copy_words(void *to, const void *from, size_t length)
{
	size_t words = length / sizeof(u64);
	size_t rest = length % sizeof(u64);

	asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(rest) : : "memory");
}

#endif
