// SPDX-License-Identifier: GPL-2.0
/* What a back end says of a disk. */
#include "block_offer.h"
#include "block_ring.h"
#include "shared_memory.h"

#define KNOWN_FEATURES \
	(RINGFOLD_BLOCK_READ_ONLY | RINGFOLD_BLOCK_FLUSH | RINGFOLD_BLOCK_DISCARD | RINGFOLD_BLOCK_WRITE_ZEROES)
#define OFFER_WORDS (sizeof(struct ringfold_block_offer) / sizeof(uint64_t))
#define SECTOR_BYTES (1U << RINGFOLD_BLOCK_SECTOR_SHIFT)
#define PAGE_BYTES 4096U
/* Numbers of pool pages have 16 bits. */
#define POOL_PAGES_MOST 65535U

static uint64_t whole_blocks(uint64_t sectors, uint32_t logical_block)
{
	return sectors - sectors % (logical_block >> RINGFOLD_BLOCK_SECTOR_SHIFT);
}

static bool size_is_right(uint64_t sectors, struct offer_fault *fault)
{
	return sectors <= BLOCK_SECTORS_MOST || offer_is_wrong(fault, "sectors", sectors, "at most 2^53");
}

static bool offer_is_right(const struct ringfold_block_offer *offer, struct offer_fault *fault)
{
	if (!is_power(offer->logical_block) || offer->logical_block < SECTOR_BYTES || offer->logical_block > PAGE_BYTES)
		return offer_is_wrong(fault, "logical_block", offer->logical_block, "a power of two from 512 to 4096");
	if (offer->pages_limit == 0)
		return offer_is_wrong(fault, "pages_limit", offer->pages_limit, "at least 1");
	return size_is_right(offer->sectors, fault);
}

/* What else it says is advice: Linux needs powers of two, and multiples of a block. */
static uint32_t block_or(uint32_t bytes, uint32_t most, uint32_t logical_block)
{
	return is_power(bytes) && bytes >= logical_block && bytes <= most ? bytes : logical_block;
}

static uint32_t range_limit(uint32_t sectors, uint32_t logical_block)
{
	return (uint32_t)whole_blocks(sectors < BLOCK_RANGE_MOST ? sectors : BLOCK_RANGE_MOST, logical_block);
}

static void fill_traits(const struct ringfold_block_offer *offer, uint32_t features, struct block_traits *traits)
{
	const uint32_t block = offer->logical_block;
	const bool discards = (features & RINGFOLD_BLOCK_DISCARD) != 0;
	const bool zeroes = (features & RINGFOLD_BLOCK_WRITE_ZEROES) != 0;

	traits->sectors = whole_blocks(offer->sectors, block);
	traits->features = features;
	traits->logical_block = block;
	traits->physical_block = block_or(offer->physical_block, BLOCK_PHYSICAL_MOST, block);
	traits->request_pages = offer->pages_limit < BLOCK_REQUEST_PAGES_MAX ? offer->pages_limit : BLOCK_REQUEST_PAGES_MAX;
	traits->discard_granularity = discards ? block_or(offer->discard_granularity, ~0U, block) : 0;
	traits->discard_limit = discards ? range_limit(offer->discard_limit, block) : 0;
	traits->write_zeroes_limit = zeroes ? range_limit(offer->write_zeroes_limit, block) : 0;
	traits->rotational = offer->rotational != 0;
}

bool block_offer_read(const struct ringfold_device_page *page, struct block_traits *traits, struct offer_fault *fault)
{
	const uint32_t features = READ_SHARED(page->features) & KNOWN_FEATURES;
	struct ringfold_block_offer offer;

	copy_shared_words(&offer, page->kind, OFFER_WORDS);
	if (!offer_is_right(&offer, fault))
		return false;
	fill_traits(&offer, features, traits);
	return true;
}

bool block_offer_read_size(const struct ringfold_device_page *page, const struct block_traits *traits, uint64_t *sectors,
			   struct offer_fault *fault)
{
	const struct ringfold_block_offer *shared = (const struct ringfold_block_offer *)page->kind;
	const uint64_t offered = READ_SHARED(shared->sectors);

	if (!size_is_right(offered, fault))
		return false;
	*sectors = whole_blocks(offered, traits->logical_block);
	return true;
}

bool block_queue_is_right(const struct ringfold_device_queue *queue, const struct block_traits *traits,
			  struct offer_fault *fault)
{
	/* The largest request finds room, with the numbers of its pages, when all others are done. */
	if (queue->pages <= RINGFOLD_BLOCK_POOL_FIRST + traits->request_pages)
		return offer_is_wrong(fault, "pages of a queue", queue->pages, "at least 4 more than in a request");
	if (queue->pages > RINGFOLD_BLOCK_POOL_FIRST + POOL_PAGES_MOST)
		return offer_is_wrong(fault, "pages of a queue", queue->pages, "at most 65538");
	return true;
}
