/* SPDX-License-Identifier: MIT */
/*
 * Block devices (kind RINGFOLD_DEVICE_BLOCK of device.h): disks, read and written in sectors.
 *
 * A queue's pages are: one with the indices and the answers, RINGFOLD_BLOCK_REQUEST_PAGES with the requests, and all the
 * rest is the *pool*, where data travel. The front end copies what it writes into pages of the pool and what it reads out
 * of them; the back end hands the same pages to the disk. So a request takes no hypercall but the event that tells of it,
 * and often not even that. Pool pages are numbered from 0, and belong to the front end but while a request names them.
 *
 * Indices count requests (answers) from the begin of the connection, modulo 2^32; number n stands at n modulo
 * RINGFOLD_BLOCK_DEPTH.
 *
 * To ask (front):                                   To serve (back):
 *   1. fewer than DEPTH requests are unanswered       1. read asked; load barrier; without a new one, see below
 *      (asked minus answers taken)                    2. copy the request, once; check the copy
 *   2. write data and the request                     3. do it
 *   3. store barrier; write asked                     4. write the answer; store barrier; write answered
 *   4. full barrier; read ask_event; if it is one     5. full barrier; read answer_event; if it is one of those just
 *      of those just asked, send an event                answered, send an event
 *
 * Before it stops looking, an end says which index it is to be woken for: it writes ask_event (answer_event) = the next one
 * that it waits for, then a full barrier, then looks once more. "Event e is one of those from `old` to `new`":
 * (uint32_t)(new - 1 - e) < (uint32_t)(new - old), where `new` is the index after the last one. A larger answer_event lets
 * several answers come with one event.
 *
 * Answers come in any order. A flush covers the writes that were answered before it was asked. What the front end writes
 * into a pool page that a request names reaches the disk or does not; it can harm the front end's own disk only.
 *
 * When a connection ends, each request that was not answered was done, not at all or in part. On the next one (device.h) the
 * front end asks for them again, in any order and beside new ones: as long as a request is unanswered, others that overlap
 * it are not ordered against it, before as after. What was answered stays done: a back end that offers no FLUSH where it did
 * before has made it durable.
 *
 * To change the size while CONNECTED:
 *   1. back: write sectors; store barrier; send an event through the control port
 *   2. front: whenever such an event comes, read sectors once; what it asks beyond it is answered with ERANGE
 */
#ifndef RINGFOLD_BLOCK_H
#define RINGFOLD_BLOCK_H

#include "device.h"

#define RINGFOLD_BLOCK_DEPTH 128U
#define RINGFOLD_BLOCK_REQUEST_PAGES 2U
#define RINGFOLD_BLOCK_POOL_FIRST (1U + RINGFOLD_BLOCK_REQUEST_PAGES)
#define RINGFOLD_BLOCK_SECTOR_SHIFT 9U /* of `sector` and `sectors`, whatever the disk's block size is */

/* Features, and what the front end may use if it took them. */
#define RINGFOLD_BLOCK_READ_ONLY (1U << 0)    /* not a choice: writes are refused */
#define RINGFOLD_BLOCK_FLUSH (1U << 1)        /* the disk has a volatile cache: FLUSH, FORCE_ACCESS */
#define RINGFOLD_BLOCK_DISCARD (1U << 2)
#define RINGFOLD_BLOCK_WRITE_ZEROES (1U << 3)

/* Within ringfold_device_page.kind. Valid from OFFERED. */
struct ringfold_block_offer {
	uint64_t sectors;             /* back: size, in 512 bytes; may change while CONNECTED */
	uint32_t logical_block;       /* back: bytes, 512 to 4096; sectors and lengths are multiples of it */
	uint32_t physical_block;      /* back: bytes */
	uint32_t pages_limit;         /* back: most pool pages in a request */
	uint32_t discard_limit;       /* back: most sectors in a DISCARD */
	uint32_t discard_granularity; /* back: bytes */
	uint32_t write_zeroes_limit;  /* back: most sectors in a WRITE_ZEROES */
	uint32_t rotational;          /* back: 1: seeks cost */
	uint32_t reserved;            /* back: 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_block_offer, 40);

#define RINGFOLD_BLOCK_READ 0U
#define RINGFOLD_BLOCK_WRITE 1U
#define RINGFOLD_BLOCK_FLUSH_CACHE 2U /* no data, sector and bytes 0 */
#define RINGFOLD_BLOCK_DISCARD_RANGE 3U
#define RINGFOLD_BLOCK_ZERO_RANGE 4U

#define RINGFOLD_BLOCK_FORCE_ACCESS (1U << 0) /* WRITE: not only in the disk's volatile cache */
#define RINGFOLD_BLOCK_INDIRECT (1U << 1)     /* pages[0] is a pool page with uint16_t numbers of pool pages */
#define RINGFOLD_BLOCK_NO_UNMAP (1U << 2)     /* ZERO_RANGE: the range stays allocated */

#define RINGFOLD_BLOCK_INLINE_PAGES 20U
#define RINGFOLD_BLOCK_INDIRECT_PAGES 2048U

/* All fields: front. The data of READ and WRITE fill the pages one after the other, each from its begin. */
struct ringfold_block_request {
	uint64_t sector;
	uint64_t sectors;    /* length; of READ and WRITE at least one logical block, and as much as the pages hold */
	uint32_t id;         /* the front end's own, below RINGFOLD_BLOCK_DEPTH; unique among unanswered requests */
	uint8_t operation;   /* RINGFOLD_BLOCK_READ, ... */
	uint8_t flags;       /* RINGFOLD_BLOCK_FORCE_ACCESS, ... */
	uint16_t page_count; /* pages of data: those that `sectors` need */
	uint16_t pages[RINGFOLD_BLOCK_INLINE_PAGES];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_block_request, pages, 24);
RINGFOLD_ASSERT_SIZE(struct ringfold_block_request, 64);

/* All fields: back. */
struct ringfold_block_answer {
	uint32_t id;
	int32_t status; /* 0, or a negated RINGFOLD_E* */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_block_answer, 8);

/* Statuses. EINVAL: the request is not as described here; ERANGE: it leaves the disk; EACCES: a write to a read-only disk;
 * ENOSYS: an operation that was not offered; EIO: the disk failed. */
#define RINGFOLD_BLOCK_EIO 5

/* The first page of a queue. */
struct ringfold_block_queue {
	uint32_t asked;        /* front */
	uint32_t answer_event; /* front */
	uint32_t reserved[14];
	uint32_t answered;     /* back */
	uint32_t ask_event;    /* back */
	uint32_t reserved2[14];
	struct ringfold_block_answer answers[RINGFOLD_BLOCK_DEPTH];
	uint8_t reserved3[4096 - 128 - 8 * RINGFOLD_BLOCK_DEPTH];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_block_queue, answered, 64);
RINGFOLD_ASSERT_OFFSET(struct ringfold_block_queue, answers, 128);
RINGFOLD_ASSERT_SIZE(struct ringfold_block_queue, 4096);

#endif
