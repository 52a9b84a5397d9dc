/* SPDX-License-Identifier: GPL-2.0 */
/* A network interface as its front end takes it up: as block_offer.h, for ringfold/network.h. */
#ifndef RINGFOLD_NETWORK_OFFER_H
#define RINGFOLD_NETWORK_OFFER_H

#include <ringfold/network.h>

#include "offer_fault.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NETWORK_ADDRESS_BYTES 6U

struct network_traits {
	uint32_t features; /* those that are known; no segmentation without checksums */
	uint8_t address[NETWORK_ADDRESS_BYTES]; /* of one interface, not 0 */
	uint32_t mtu;
	uint32_t stream_pages;
};

/* What the page offers; false: it cannot be used. */
bool network_offer_read(const struct ringfold_device_page *page, struct network_traits *traits, struct offer_fault *fault);
/* Whether the cable is plugged in by now. */
bool network_offer_read_link(const struct ringfold_device_page *page);
/* A queue that was copied has the pages that the streams take. */
bool network_queue_is_right(const struct ringfold_device_queue *queue, const struct network_traits *traits,
			    struct offer_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
