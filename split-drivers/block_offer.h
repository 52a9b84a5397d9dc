/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk as its front end takes it up: what the back end says of it (ringfold/block.h), read once, checked, and brought within
 * what the front end's kernel can work with. Like the ring, it is compiled for the host as well.
 */
#ifndef RINGFOLD_BLOCK_OFFER_H
#define RINGFOLD_BLOCK_OFFER_H

#include <ringfold/block.h>

#include "offer_fault.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of such a disk are still a positive 64-bit number, and so is what is computed with them. */
#define BLOCK_SECTORS_MOST (1ULL << 53)
#define BLOCK_PHYSICAL_MOST (1U << 20)
/* A range is at most 2^32 - 1 bytes for Linux. */
#define BLOCK_RANGE_MOST (~0U >> RINGFOLD_BLOCK_SECTOR_SHIFT)

struct block_traits {
	uint64_t sectors;             /* whole logical blocks */
	uint32_t features;            /* those that are known */
	uint32_t logical_block;       /* bytes, a power of two, a page at most */
	uint32_t physical_block;      /* bytes, a power of two, a logical block at least */
	uint32_t request_pages;       /* most pages of data in a request */
	uint32_t discard_granularity; /* bytes, a power of two; 0: it does not discard */
	uint32_t discard_limit;       /* sectors, whole blocks; 0: it does not discard */
	uint32_t write_zeroes_limit;  /* sectors, whole blocks; 0: it does not */
	bool rotational;
};

/* What the page offers; false: it cannot be used. */
bool block_offer_read(const struct ringfold_device_page *page, struct block_traits *traits, struct offer_fault *fault);
/* How large the disk is by now. */
bool block_offer_read_size(const struct ringfold_device_page *page, const struct block_traits *traits, uint64_t *sectors,
			   struct offer_fault *fault);
/* A queue that was copied has a pool with room for the largest request. */
bool block_queue_is_right(const struct ringfold_device_queue *queue, const struct block_traits *traits,
			  struct offer_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
