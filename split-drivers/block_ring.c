// SPDX-License-Identifier: GPL-2.0
/* The block protocol's queues, at both ends. */
#include "block_ring.h"
#include "shared_memory.h"

#define SLOT(index) ((index) % RINGFOLD_BLOCK_DEPTH)
#define REQUEST_WORDS (sizeof(struct ringfold_block_request) / sizeof(uint64_t))
#define PAGE_BYTES 4096U
#define PAGE_SECTORS (PAGE_BYTES >> RINGFOLD_BLOCK_SECTOR_SHIFT)
#define ID_WORD(id) ((id) / 64)
#define ID_BIT(id) (1ULL << ((id) % 64))

void block_front_put(struct block_front_ring *ring, const struct ringfold_block_request *request)
{
	ring->unanswered[ID_WORD(request->id)] |= ID_BIT(request->id);
	ring->requests[SLOT(ring->asked)] = *request;
	ring->asked++;
}

bool block_front_tell(struct block_front_ring *ring)
{
	const uint32_t old = ring->told;

	if (ring->asked == old)
		return false;
	ring->told = ring->asked;
	STORE_BARRIER();
	WRITE_SHARED(ring->queue->asked, ring->told);
	FULL_BARRIER();
	return is_between(READ_SHARED(ring->queue->ask_event), old, ring->told);
}

bool block_front_take_back(struct block_front_ring *ring, uint32_t id)
{
	if (id >= RINGFOLD_BLOCK_DEPTH || (ring->unanswered[ID_WORD(id)] & ID_BIT(id)) == 0)
		return false;
	ring->unanswered[ID_WORD(id)] &= ~ID_BIT(id);
	return true;
}

enum block_take block_front_take(struct block_front_ring *ring, struct ringfold_block_answer *answer)
{
	const struct ringfold_block_answer *shared = &ring->queue->answers[SLOT(ring->taken)];
	uint32_t answered = READ_SHARED(ring->queue->answered);

	if (answered == ring->taken) {
		WRITE_SHARED(ring->queue->answer_event, ring->taken);
		FULL_BARRIER();
		answered = READ_SHARED(ring->queue->answered);
		if (answered == ring->taken)
			return BLOCK_NOTHING;
	}
	if (answered - ring->taken > ring->told - ring->taken)
		return BLOCK_BROKEN;
	LOAD_BARRIER();
	answer->id = READ_SHARED(shared->id);
	answer->status = READ_SHARED(shared->status);
	if (!block_front_take_back(ring, answer->id))
		return BLOCK_BROKEN;
	ring->taken++;
	return BLOCK_TAKEN;
}

/* More than can be unanswered. What was answered is read after what was asked, for the front end asks when it has seen. */
static bool asks_too_much(const struct block_back_ring *ring, uint32_t asked)
{
	LOAD_BARRIER();
	return asked - READ_SHARED(ring->answered) > RINGFOLD_BLOCK_DEPTH || asked - ring->taken > RINGFOLD_BLOCK_DEPTH;
}

enum block_take block_back_take(struct block_back_ring *ring, struct ringfold_block_request *request)
{
	uint32_t asked = READ_SHARED(ring->queue->asked);

	if (asked == ring->taken) {
		WRITE_SHARED(ring->queue->ask_event, ring->taken);
		FULL_BARRIER();
		asked = READ_SHARED(ring->queue->asked);
		if (asked == ring->taken)
			return BLOCK_NOTHING;
	}
	if (asks_too_much(ring, asked))
		return BLOCK_BROKEN;
	copy_shared_words(request, &ring->requests[SLOT(ring->taken)], REQUEST_WORDS);
	ring->taken++;
	return BLOCK_TAKEN;
}

void block_back_put(struct block_back_ring *ring, uint32_t id, int32_t status)
{
	struct ringfold_block_answer *shared = &ring->queue->answers[SLOT(ring->answered)];

	WRITE_SHARED(shared->id, id);
	WRITE_SHARED(shared->status, status);
	WRITE_SHARED(ring->answered, ring->answered + 1);
}

bool block_back_tell(struct block_back_ring *ring)
{
	const uint32_t old = ring->told;

	if (ring->answered == old)
		return false;
	ring->told = ring->answered;
	STORE_BARRIER();
	WRITE_SHARED(ring->queue->answered, ring->told);
	FULL_BARRIER();
	return is_between(READ_SHARED(ring->queue->answer_event), old, ring->told);
}

static int32_t check_range(const struct ringfold_block_request *request, const struct block_limits *limits, uint64_t most)
{
	const uint64_t block = limits->logical_block >> RINGFOLD_BLOCK_SECTOR_SHIFT;

	if (request->sectors == 0 || request->sectors > most || request->sector % block != 0 || request->sectors % block != 0)
		return -RINGFOLD_EINVAL;
	if (request->sector > limits->sectors || request->sectors > limits->sectors - request->sector)
		return -RINGFOLD_ERANGE;
	return 0;
}

static int32_t check_transfer(const struct ringfold_block_request *request, const struct block_limits *limits)
{
	const bool indirect = (request->flags & RINGFOLD_BLOCK_INDIRECT) != 0;

	if (request->page_count == 0 || request->page_count > limits->pages_limit ||
	    (!indirect && request->page_count > RINGFOLD_BLOCK_INLINE_PAGES) ||
	    (request->sectors + PAGE_SECTORS - 1) / PAGE_SECTORS != request->page_count)
		return -RINGFOLD_EINVAL;
	return check_range(request, limits, (uint64_t)limits->pages_limit * PAGE_SECTORS);
}

/* The flags that an operation may have. */
static uint8_t flags_of(uint8_t operation)
{
	switch (operation) {
	case RINGFOLD_BLOCK_READ:
		return RINGFOLD_BLOCK_INDIRECT;
	case RINGFOLD_BLOCK_WRITE:
		return RINGFOLD_BLOCK_INDIRECT | RINGFOLD_BLOCK_FORCE_ACCESS;
	case RINGFOLD_BLOCK_ZERO_RANGE:
		return RINGFOLD_BLOCK_NO_UNMAP;
	default:
		return 0;
	}
}

static int32_t check_offered(const struct ringfold_block_request *request, const struct block_limits *limits)
{
	uint32_t needed = 0;

	if (request->operation != RINGFOLD_BLOCK_READ && (limits->features & RINGFOLD_BLOCK_READ_ONLY) != 0)
		return -RINGFOLD_EACCES;
	if (request->operation == RINGFOLD_BLOCK_FLUSH_CACHE || (request->flags & RINGFOLD_BLOCK_FORCE_ACCESS) != 0)
		needed = RINGFOLD_BLOCK_FLUSH;
	else if (request->operation == RINGFOLD_BLOCK_DISCARD_RANGE)
		needed = RINGFOLD_BLOCK_DISCARD;
	else if (request->operation == RINGFOLD_BLOCK_ZERO_RANGE)
		needed = RINGFOLD_BLOCK_WRITE_ZEROES;
	return (limits->features & needed) == needed ? 0 : -RINGFOLD_ENOSYS;
}

int32_t block_check_request(const struct ringfold_block_request *request, const struct block_limits *limits)
{
	int32_t error;

	if (request->operation > RINGFOLD_BLOCK_ZERO_RANGE || (request->flags & ~flags_of(request->operation)) != 0)
		return -RINGFOLD_EINVAL;
	error = check_offered(request, limits);
	if (error != 0)
		return error;
	switch (request->operation) {
	case RINGFOLD_BLOCK_READ:
	case RINGFOLD_BLOCK_WRITE:
		return check_transfer(request, limits);
	case RINGFOLD_BLOCK_DISCARD_RANGE:
		return check_range(request, limits, limits->discard_limit);
	case RINGFOLD_BLOCK_ZERO_RANGE:
		return check_range(request, limits, limits->write_zeroes_limit);
	default: /* a flush */
		return request->sector == 0 && request->sectors == 0 ? 0 : -RINGFOLD_EINVAL;
	}
}

int32_t block_indirect_page(const struct ringfold_block_request *request, const struct block_limits *limits)
{
	return request->pages[0] < limits->pool_pages ? request->pages[0] : -RINGFOLD_EINVAL;
}

int32_t block_copy_pages(const struct ringfold_block_request *request, const uint16_t *indirect,
			 const struct block_limits *limits, uint16_t *pages)
{
	const uint16_t *from = (request->flags & RINGFOLD_BLOCK_INDIRECT) != 0 ? indirect : request->pages;
	unsigned int index;

	for (index = 0; index < request->page_count; index++) {
		pages[index] = READ_SHARED(from[index]);
		if (pages[index] >= limits->pool_pages)
			return -RINGFOLD_EINVAL;
	}
	return 0;
}
