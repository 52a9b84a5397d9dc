/* SPDX-License-Identifier: GPL-2.0 */
/* Memory that another domain reads and writes at the same time, for the rings; no kernel is needed. */
#ifndef RINGFOLD_SHARED_MEMORY_H
#define RINGFOLD_SHARED_MEMORY_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

/* Memory that the other end may be changing is read and written once, as a whole. */
#ifdef SHARED_MEMORY_CHANGES
/* The fuzzer is the other end, and changes it between any two reads. */
#ifdef __cplusplus
extern "C"
#endif
void shared_memory_changes(void);
#define READ_SHARED(place) (shared_memory_changes(), __atomic_load_n(&(place), __ATOMIC_RELAXED))
#else
#define READ_SHARED(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#endif
#define WRITE_SHARED(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define LOAD_BARRIER() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define STORE_BARRIER() __atomic_thread_fence(__ATOMIC_RELEASE)
#define FULL_BARRIER() __atomic_thread_fence(__ATOMIC_SEQ_CST)

/* Whether what is waited for is one of those from `old` to `next`, the latter excluded; modulo 2^32. */
static inline bool is_between(uint32_t event, uint32_t old, uint32_t next)
{
	return (uint32_t)(next - 1 - event) < (uint32_t)(next - old);
}

/* A structure of 64-bit words, each read once. */
static inline void copy_shared_words(void *to, const void *shared, unsigned int words)
{
	const uint64_t *from = (const uint64_t *)shared;
	uint64_t *copy = (uint64_t *)to;
	unsigned int word;

	for (word = 0; word < words; word++)
		copy[word] = READ_SHARED(from[word]);
}

/* One of 32-bit words. */
static inline void copy_shared_halves(void *to, const void *shared, unsigned int halves)
{
	const uint32_t *from = (const uint32_t *)shared;
	uint32_t *copy = (uint32_t *)to;
	unsigned int half;

	for (half = 0; half < halves; half++)
		copy[half] = READ_SHARED(from[half]);
}

#endif
