/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream of packets (ringfold/network.h), as its writer and its reader see it. It knows nothing of the kernel: tests and
 * the fuzzer compile it for the host. The caller sees to it that one thread at a time uses a writer or a reader, but for
 * network_writer_room(), which any thread may ask.
 */
#ifndef RINGFOLD_NETWORK_RING_H
#define RINGFOLD_NETWORK_RING_H

#include <ringfold/network.h>

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* A part of a packet's data in the stream: the whole, or what is before and after the end of the ring. */
struct network_span {
	uint8_t *data;
	uint32_t length;
};

/* Every packet may have to be told in two parts. */
#define NETWORK_SPANS 2U

/* --- the writer's --- */

struct network_writer {
	struct ringfold_network_stream *stream;
	uint8_t *data;
	uint32_t size;    /* of `data`, a power of two */
	uint32_t written; /* what was put */
	uint32_t told;    /* what of it the reader may see */
};

/* BROKEN: the reader says that it has read what was not written. */
enum network_room { NETWORK_ROOM, NETWORK_FULL, NETWORK_STREAM_BROKEN };

/* Whether a packet with `length` bytes fits in. */
enum network_room network_writer_room(const struct network_writer *writer, uint32_t length);
/* Where the data of such a packet go; there is room for it. */
void network_writer_begin(const struct network_writer *writer, uint32_t length, struct network_span *spans);
/* They are there. */
void network_writer_put(struct network_writer *writer, const struct ringfold_network_packet *packet);
/* Shows what was put. True: the reader waits for an event. */
bool network_writer_tell(struct network_writer *writer);
/* NETWORK_FULL: there will be an event when a packet with `length` bytes fits in. All that was put has been told. */
enum network_room network_writer_wait(struct network_writer *writer, uint32_t length);

/* --- the reader's --- */

struct network_reader {
	struct ringfold_network_stream *stream;
	uint8_t *data;
	uint32_t size;
	uint32_t read; /* what was released */
	uint32_t told; /* what of it the writer may see */
};

/* BROKEN: nothing in this stream makes sense any more. */
enum network_take { NETWORK_TAKEN, NETWORK_NOTHING, NETWORK_TAKE_BROKEN };

/* Copies the next packet's head, and says where its data are. Only its length has been checked. */
enum network_take network_reader_take(const struct network_reader *reader, struct ringfold_network_packet *packet,
				      struct network_span *spans);
/* The packet was copied. */
void network_reader_release(struct network_reader *reader, const struct ringfold_network_packet *packet);
/* Shows what was released. True: the writer waits for an event. */
bool network_reader_tell(struct network_reader *reader);
/* False: there is nothing to read, and there will be an event when there is. */
bool network_reader_wait(struct network_reader *reader);

/* A head that was copied keeps to the protocol. `features`: those that the front end took. */
bool network_packet_is_right(const struct ringfold_network_packet *packet, uint32_t features);

#ifdef __cplusplus
}
#endif

#endif
