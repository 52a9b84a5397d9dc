/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue of the block protocol (ringfold/block.h), as each end sees it. It knows nothing of the kernel: tests and the
 * fuzzer compile it for the host. The caller sees to it that one thread at a time uses each function's side of a ring.
 */
#ifndef RINGFOLD_BLOCK_RING_H
#define RINGFOLD_BLOCK_RING_H

#include <ringfold/block.h>

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Most pages of a request that the back end serves. */
#define BLOCK_REQUEST_PAGES_MAX 128U

enum block_take { BLOCK_TAKEN, BLOCK_NOTHING, BLOCK_BROKEN };
#define BLOCK_UNANSWERED_WORDS (RINGFOLD_BLOCK_DEPTH / 64)

/* --- the front end's --- */

struct block_front_ring {
	struct ringfold_block_queue *queue;
	struct ringfold_block_request *requests;
	uint32_t asked; /* requests that were put */
	uint32_t told;  /* of them, those that the back end may see */
	uint32_t taken; /* answers */
	uint64_t unanswered[BLOCK_UNANSWERED_WORDS]; /* bits by a request's id */
};

/* The id is that of no unanswered request, and below RINGFOLD_BLOCK_DEPTH: so there are never more of them. */
void block_front_put(struct block_front_ring *ring, const struct ringfold_block_request *request);
/* Shows what was put. True: the back end waits for an event. */
bool block_front_tell(struct block_front_ring *ring);
/*
 * BLOCK_TAKEN: the answer is to a request that was unanswered. BLOCK_NOTHING: there is no answer, and there will be an event when
 * there is one. BLOCK_BROKEN: the back end has answered more than it was asked, or something else; what was asked instead may
 * never be answered.
 */
enum block_take block_front_take(struct block_front_ring *ring, struct ringfold_block_answer *answer);
/* Nobody will take an answer to this request any more. True: it was unanswered. */
bool block_front_take_back(struct block_front_ring *ring, uint32_t id);

/* --- the back end's --- */

struct block_back_ring {
	struct ringfold_block_queue *queue;
	const struct ringfold_block_request *requests;
	uint32_t taken;    /* requests */
	uint32_t answered; /* answers that were put */
	uint32_t told;     /* of them, those that the front end may see */
};

/*
 * Copies the next request. BLOCK_NOTHING: there is none, and there will be an event when there is one. BLOCK_BROKEN: the
 * front end asks for more than it may; nothing of this ring makes sense. Others may put answers meanwhile.
 */
enum block_take block_back_take(struct block_back_ring *ring, struct ringfold_block_request *request);
void block_back_put(struct block_back_ring *ring, uint32_t id, int32_t status);
/* Shows what was put. True: the front end waits for an event. */
bool block_back_tell(struct block_back_ring *ring);

/* What a request must keep to. */
struct block_limits {
	uint64_t sectors;
	uint32_t logical_block; /* bytes */
	uint32_t features;      /* those that were taken, and RINGFOLD_BLOCK_READ_ONLY */
	uint32_t pages_limit;   /* at most BLOCK_REQUEST_PAGES_MAX */
	uint32_t pool_pages;
	uint32_t discard_limit; /* sectors */
	uint32_t write_zeroes_limit;
};

/* A request that was copied: 0, or the negated error of its answer. The numbers of its pages are not looked at. */
int32_t block_check_request(const struct ringfold_block_request *request, const struct block_limits *limits);
/* The one page of an indirect request that has the numbers of the others, or -RINGFOLD_EINVAL. */
int32_t block_indirect_page(const struct ringfold_block_request *request, const struct block_limits *limits);
/*
 * The numbers of a request's pages, each read once and checked. `indirect`: where those of an indirect request are, in
 * memory that the front end may be writing.
 */
int32_t block_copy_pages(const struct ringfold_block_request *request, const uint16_t *indirect,
			 const struct block_limits *limits, uint16_t *pages);

#ifdef __cplusplus
}
#endif

#endif
