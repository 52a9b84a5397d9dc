// SPDX-License-Identifier: GPL-2.0
/* The network protocol's streams, at both ends. */
#include "network_ring.h"
#include "shared_memory.h"

#define PACKET_WORDS (sizeof(struct ringfold_network_packet) / sizeof(uint64_t))
#define KNOWN_FLAGS (RINGFOLD_NETWORK_NEEDS_CHECKSUM | RINGFOLD_NETWORK_CHECKED)
#define CHECKSUM_BYTES 2U

/* What a packet takes of the stream. */
static uint32_t space_of(uint32_t length)
{
	return (uint32_t)(sizeof(struct ringfold_network_packet) + length + RINGFOLD_NETWORK_ALIGNMENT - 1) &
	       ~(RINGFOLD_NETWORK_ALIGNMENT - 1);
}

/* The parts of the data of the packet whose head is at `position`. */
static void find_spans(uint8_t *data, uint32_t size, uint32_t position, uint32_t length, struct network_span *spans)
{
	const uint32_t begin = (uint32_t)(position + sizeof(struct ringfold_network_packet)) & (size - 1);
	const uint32_t first = length < size - begin ? length : size - begin;

	spans[0].data = data + begin;
	spans[0].length = first;
	spans[1].data = data;
	spans[1].length = length - first;
}

/* --- the writer's --- */

enum network_room network_writer_room(const struct network_writer *writer, uint32_t length)
{
	const uint32_t written = READ_SHARED(writer->written);
	const uint32_t used = written - READ_SHARED(writer->stream->read);

	if (used > writer->size || used % RINGFOLD_NETWORK_ALIGNMENT != 0)
		return NETWORK_STREAM_BROKEN;
	/* What is written there was read before. */
	LOAD_BARRIER();
	return space_of(length) <= writer->size - used ? NETWORK_ROOM : NETWORK_FULL;
}

void network_writer_begin(const struct network_writer *writer, uint32_t length, struct network_span *spans)
{
	find_spans(writer->data, writer->size, writer->written, length, spans);
}

void network_writer_put(struct network_writer *writer, const struct ringfold_network_packet *packet)
{
	__builtin_memcpy(writer->data + (writer->written & (writer->size - 1)), packet, sizeof(*packet));
	WRITE_SHARED(writer->written, writer->written + space_of(packet->length));
}

bool network_writer_tell(struct network_writer *writer)
{
	const uint32_t old = writer->told;

	if (writer->written == old)
		return false;
	writer->told = writer->written;
	STORE_BARRIER();
	WRITE_SHARED(writer->stream->written, writer->told);
	FULL_BARRIER();
	return is_between(READ_SHARED(writer->stream->written_event), old, writer->told);
}

enum network_room network_writer_wait(struct network_writer *writer, uint32_t length)
{
	const uint32_t all_read = writer->written + space_of(length) - writer->size;

	WRITE_SHARED(writer->stream->read_event, all_read - RINGFOLD_NETWORK_ALIGNMENT);
	FULL_BARRIER();
	return network_writer_room(writer, length);
}

/* --- the reader's --- */

enum network_take network_reader_take(const struct network_reader *reader, struct ringfold_network_packet *packet,
				      struct network_span *spans)
{
	const uint32_t unread = READ_SHARED(reader->stream->written) - reader->read;

	if (unread == 0)
		return NETWORK_NOTHING;
	if (unread > reader->size || unread % RINGFOLD_NETWORK_ALIGNMENT != 0)
		return NETWORK_TAKE_BROKEN;
	LOAD_BARRIER();
	copy_shared_words(packet, reader->data + (reader->read & (reader->size - 1)), PACKET_WORDS);
	if (packet->length < RINGFOLD_NETWORK_SHORTEST || packet->length > RINGFOLD_NETWORK_LONGEST ||
	    space_of(packet->length) > unread)
		return NETWORK_TAKE_BROKEN;
	find_spans(reader->data, reader->size, reader->read, packet->length, spans);
	return NETWORK_TAKEN;
}

void network_reader_release(struct network_reader *reader, const struct ringfold_network_packet *packet)
{
	reader->read += space_of(packet->length);
}

bool network_reader_tell(struct network_reader *reader)
{
	const uint32_t old = reader->told;

	if (reader->read == old)
		return false;
	reader->told = reader->read;
	/* Behind all loads of the data. */
	STORE_BARRIER();
	WRITE_SHARED(reader->stream->read, reader->told);
	FULL_BARRIER();
	return is_between(READ_SHARED(reader->stream->read_event), old, reader->told);
}

bool network_reader_wait(struct network_reader *reader)
{
	WRITE_SHARED(reader->stream->written_event, reader->read);
	FULL_BARRIER();
	return READ_SHARED(reader->stream->written) != reader->read;
}

/* --- packets --- */

static bool checksum_is_right(const struct ringfold_network_packet *packet, uint32_t features)
{
	const uint32_t end = (uint32_t)packet->checksum_start + packet->checksum_offset + CHECKSUM_BYTES;

	if ((packet->flags & RINGFOLD_NETWORK_NEEDS_CHECKSUM) == 0)
		return true;
	return (features & RINGFOLD_NETWORK_CHECKSUM) != 0 && end <= packet->length;
}

static bool segmentation_is_right(const struct ringfold_network_packet *packet, uint32_t features)
{
	const uint32_t kind = packet->segmentation & ~RINGFOLD_NETWORK_TCP_CONGESTION;

	if (packet->segmentation == RINGFOLD_NETWORK_NOT_SEGMENTED)
		return true;
	return (features & RINGFOLD_NETWORK_SEGMENTATION) != 0 && packet->segment_size != 0 &&
	       (packet->flags & RINGFOLD_NETWORK_NEEDS_CHECKSUM) != 0 &&
	       (kind == RINGFOLD_NETWORK_TCP4 || kind == RINGFOLD_NETWORK_TCP6);
}

bool network_packet_is_right(const struct ringfold_network_packet *packet, uint32_t features)
{
	return (packet->flags & ~KNOWN_FLAGS) == 0 && checksum_is_right(packet, features) &&
	       segmentation_is_right(packet, features);
}
