/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces (kind RINGFOLD_DEVICE_NETWORK of device.h): Ethernet frames, here "packets", between the front end and
 * an interface of the back end's domain.
 *
 * A queue's pages are: one with the positions, `stream_pages` with the stream to the back end, `stream_pages` with the
 * stream to the front end. A stream is a ring of bytes that one end writes packets to, one behind the other, and the other
 * end copies out in this order. A packet is a struct ringfold_network_packet, `length` bytes from the destination address
 * on, and what is missing to a multiple of RINGFOLD_NETWORK_ALIGNMENT. So its head never wraps; the rest may.
 *
 * Positions count bytes from the begin of the connection, modulo 2^32; position n is n modulo the stream's size, which is a
 * power of two. They are multiples of RINGFOLD_NETWORK_ALIGNMENT.
 *
 * To send (writer):                                 To receive (reader):
 *   1. written - read is at most the size minus       1. read written; load barrier; without a new one, see below
 *      what the packet takes; else see below          2. copy the packet's head, once; check the copy
 *   2. write the packet                               3. copy the rest
 *   3. store barrier; write written                   4. full barrier; write read
 *   4. full barrier; read written_event; if it is     5. full barrier; read read_event; if it is one of those just
 *      one of those just written, send an event          read, send an event
 *
 * Before it stops looking, an end says which position it is to be woken for: the reader writes written_event = the position
 * that it has read up to, the writer read_event = the position before which all must be read to make room; then a full
 * barrier, then it looks once more. "Event e is one of those from `old` to `new`": (uint32_t)(new - 1 - e) <
 * (uint32_t)(new - old), where `new` is the position after the last byte.
 *
 * The reader copies the data before it looks at them: what the writer changes behind `written` cannot be seen twice.
 *
 * When a connection ends, what is in its streams is lost, as on a cable that is pulled out.
 */
#ifndef RINGFOLD_NETWORK_H
#define RINGFOLD_NETWORK_H

#include "device.h"

#define RINGFOLD_NETWORK_ALIGNMENT 16U
#define RINGFOLD_NETWORK_SHORTEST 14U   /* bytes of a packet: an Ethernet header */
#define RINGFOLD_NETWORK_LONGEST 65568U /* a segmented packet: 64 KiB behind its Ethernet header with VLAN tags */
#define RINGFOLD_NETWORK_STREAM_PAGES_LEAST 32U /* a stream holds the longest packet */
#define RINGFOLD_NETWORK_STREAM_PAGES_MOST 1024U

/* Features, and what both ends may send if the front end took them. */
#define RINGFOLD_NETWORK_CHECKSUM (1U << 0)     /* packets whose checksum is to be filled in */
#define RINGFOLD_NETWORK_SEGMENTATION (1U << 1) /* TCP in packets that are longer than the MTU; only with CHECKSUM */

/* Within ringfold_device_page.kind. Valid from OFFERED. */
struct ringfold_network_offer {
	uint8_t address[6];    /* back: the front end's Ethernet address */
	uint16_t reserved;     /* back: 0 */
	uint32_t mtu;          /* back: bytes behind the Ethernet header, 68 to 65535 */
	uint32_t stream_pages; /* back: a power of two, STREAM_PAGES_LEAST to STREAM_PAGES_MOST */
	uint32_t link;         /* back: 1: the cable is plugged in; may change while CONNECTED, then an event is sent */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_network_offer, 20);

#define RINGFOLD_NETWORK_NEEDS_CHECKSUM (1U << 0) /* from checksum_start to the end, into checksum_start + checksum_offset */
#define RINGFOLD_NETWORK_CHECKED (1U << 1)        /* the checksum was found right; only the back end may say so */

#define RINGFOLD_NETWORK_NOT_SEGMENTED 0U
#define RINGFOLD_NETWORK_TCP4 1U /* to be segmented; NEEDS_CHECKSUM is set */
#define RINGFOLD_NETWORK_TCP6 2U
#define RINGFOLD_NETWORK_TCP_CONGESTION 0x80U /* beside TCP4 and TCP6: the packet carries ECN's CWR: in the first segment only */

/* All fields: the writer of the stream. */
struct ringfold_network_packet {
	uint32_t length;          /* SHORTEST to LONGEST */
	uint8_t flags;            /* RINGFOLD_NETWORK_NEEDS_CHECKSUM, ... */
	uint8_t segmentation;     /* RINGFOLD_NETWORK_NOT_SEGMENTED, ... */
	uint16_t header_length;   /* a hint: bytes of all headers; 0: unknown */
	uint16_t segment_size;    /* bytes of TCP data in a segment; 0 if not segmented */
	uint16_t checksum_start;  /* offset in the packet */
	uint16_t checksum_offset; /* from checksum_start */
	uint16_t reserved;        /* 0 */
};
RINGFOLD_ASSERT_SIZE(struct ringfold_network_packet, 16);

/* The positions of a stream. The ends write to different cache lines. */
struct ringfold_network_stream {
	uint32_t written;    /* writer */
	uint32_t read_event; /* writer */
	uint32_t reserved[14];
	uint32_t read;          /* reader */
	uint32_t written_event; /* reader */
	uint32_t reserved2[14];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_network_stream, read, 64);
RINGFOLD_ASSERT_SIZE(struct ringfold_network_stream, 128);

/* The first page of a queue. */
struct ringfold_network_queue {
	struct ringfold_network_stream to_back;
	struct ringfold_network_stream to_front;
	uint8_t reserved[4096 - 256];
};
RINGFOLD_ASSERT_OFFSET(struct ringfold_network_queue, to_front, 128);
RINGFOLD_ASSERT_SIZE(struct ringfold_network_queue, 4096);

#endif
