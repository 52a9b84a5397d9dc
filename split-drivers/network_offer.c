// SPDX-License-Identifier: GPL-2.0
/* What a back end says of a network interface. */
#include "network_offer.h"
#include "shared_memory.h"

#define OFFER_HALVES (sizeof(struct ringfold_network_offer) / sizeof(uint32_t))
#define MTU_LEAST 68U
#define MTU_MOST 65535U
#define GROUP_ADDRESS 1U /* in the first byte */

static uint64_t address_of(const uint8_t *bytes)
{
	uint64_t address = 0;
	unsigned int index;

	for (index = 0; index < NETWORK_ADDRESS_BYTES; index++)
		address = address << 8 | bytes[index];
	return address;
}

static bool offer_is_right(const struct ringfold_network_offer *offer, struct offer_fault *fault)
{
	const uint64_t address = address_of(offer->address);

	if (address == 0 || (offer->address[0] & GROUP_ADDRESS) != 0)
		return offer_is_wrong(fault, "address", address, "that of one interface, which is even in its first byte");
	if (offer->mtu < MTU_LEAST || offer->mtu > MTU_MOST)
		return offer_is_wrong(fault, "mtu", offer->mtu, "68 to 65535");
	if (!is_power(offer->stream_pages) || offer->stream_pages < RINGFOLD_NETWORK_STREAM_PAGES_LEAST ||
	    offer->stream_pages > RINGFOLD_NETWORK_STREAM_PAGES_MOST)
		return offer_is_wrong(fault, "stream_pages", offer->stream_pages, "a power of two from 32 to 1024");
	return true;
}

static uint32_t known_features(uint32_t features)
{
	const bool checksums = (features & RINGFOLD_NETWORK_CHECKSUM) != 0;

	return checksums ? features & (RINGFOLD_NETWORK_CHECKSUM | RINGFOLD_NETWORK_SEGMENTATION) : 0;
}

bool network_offer_read(const struct ringfold_device_page *page, struct network_traits *traits, struct offer_fault *fault)
{
	const uint32_t features = READ_SHARED(page->features);
	struct ringfold_network_offer offer;

	copy_shared_halves(&offer, page->kind, OFFER_HALVES);
	if (!offer_is_right(&offer, fault))
		return false;
	traits->features = known_features(features);
	__builtin_memcpy(traits->address, offer.address, sizeof(traits->address));
	traits->mtu = offer.mtu;
	traits->stream_pages = offer.stream_pages;
	return true;
}

bool network_offer_read_link(const struct ringfold_device_page *page)
{
	const struct ringfold_network_offer *shared = (const struct ringfold_network_offer *)page->kind;

	return READ_SHARED(shared->link) != 0;
}

bool network_queue_is_right(const struct ringfold_device_queue *queue, const struct network_traits *traits,
			    struct offer_fault *fault)
{
	return queue->pages == 1 + 2 * traits->stream_pages ||
	       offer_is_wrong(fault, "pages of a queue", queue->pages, "1, and 2 for each of stream_pages");
}
