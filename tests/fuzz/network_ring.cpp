// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: the other end of a network queue writes any bytes into its streams at any time. What is then copied
// must stay inside the stream, and no packet that breaks the rules may come through.
#include "split-drivers/network_ring.h"

#include "fuzzed_bytes.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr uint32_t size = RINGFOLD_NETWORK_STREAM_PAGES_LEAST * 4096;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

struct Shared {
    ringfold_network_stream in;
    ringfold_network_stream out;
    std::array<uint8_t, size> data;
};

void require_inside(const Shared &shared, const std::array<network_span, NETWORK_SPANS> &spans, uint32_t length) {
    require(spans[0].length + spans[1].length == length);
    for (const network_span &span : spans) {
        require(span.data >= shared.data.data() && span.data <= shared.data.data() + size);
        require(span.length <= static_cast<std::size_t>(shared.data.data() + size - span.data));
    }
}

bool receive(Shared &shared, network_reader &reader, uint32_t features) {
    ringfold_network_packet packet{};
    std::array<network_span, NETWORK_SPANS> spans{};
    if (network_reader_take(&reader, &packet, spans.data()) != NETWORK_TAKEN) {
        return false;
    }
    require_inside(shared, spans, packet.length);
    if (network_packet_is_right(&packet, features)) {
        require(packet.length >= RINGFOLD_NETWORK_SHORTEST && packet.length <= RINGFOLD_NETWORK_LONGEST);
        require(packet.segmentation == 0 || (features & RINGFOLD_NETWORK_SEGMENTATION) != 0);
        require((packet.flags & RINGFOLD_NETWORK_NEEDS_CHECKSUM) == 0 ||
                packet.checksum_start + packet.checksum_offset + 2U <= packet.length);
    }
    const uint32_t before = reader.read;
    network_reader_release(&reader, &packet);
    require(reader.read - before <= size);
    return true;
}

void send(Shared &shared, network_writer &writer, uint32_t length) {
    if (network_writer_room(&writer, length) != NETWORK_ROOM) {
        return;
    }
    std::array<network_span, NETWORK_SPANS> spans{};
    network_writer_begin(&writer, length, spans.data());
    require_inside(shared, spans, length);
    ringfold_network_packet packet{};
    packet.length = length;
    network_writer_put(&writer, &packet);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t length) {
    FuzzedBytes bytes(std::span{data, length});
    alignas(4096) static Shared shared;
    std::memset(&shared, 0, sizeof shared);
    const uint32_t features = bytes.number(1) % 4;
    network_reader reader{.stream = &shared.in, .data = shared.data.data(), .size = size, .read = 0, .told = 0};
    network_writer writer{.stream = &shared.out, .data = shared.data.data(), .size = size, .written = 0, .told = 0};
    while (bytes.left()) {
        switch (bytes.number(1) % 6) {
            case 0:
            case 1:
                bytes.scribble(&shared, sizeof shared);
                break;
            case 2:
                (void)receive(shared, reader, features);
                break;
            case 3:
                send(shared, writer, RINGFOLD_NETWORK_SHORTEST + bytes.number(2));
                break;
            case 4:
                (void)network_reader_tell(&reader);
                (void)network_reader_wait(&reader);
                break;
            default:
                (void)network_writer_tell(&writer);
                (void)network_writer_wait(&writer, RINGFOLD_NETWORK_LONGEST);
        }
    }
    return 0;
}
