// SPDX-License-Identifier: Apache-2.0
//
// The network protocol's streams (split-drivers/network_ring.c): both ends on one shared page, honest and hostile.
#include "split-drivers/network_ring.h"

#include "random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace {

constexpr uint32_t size = RINGFOLD_NETWORK_STREAM_PAGES_LEAST * 4096;
constexpr uint32_t head = sizeof(ringfold_network_packet);

using Bytes = std::vector<uint8_t>;

struct NetworkRing : testing::Test {
    NetworkRing() : data(size) {
        writer.stream = reader.stream = &stream;
        writer.data = reader.data = data.data();
        writer.size = reader.size = size;
    }

    void start_at(uint32_t position) {
        writer.written = writer.told = reader.read = reader.told = position;
        stream.written = stream.read = stream.written_event = stream.read_event = position;
    }

    // False: there is no room.
    bool put(const Bytes &packet) {
        const auto length = static_cast<uint32_t>(packet.size());
        const network_room room = network_writer_room(&writer, length);
        EXPECT_NE(room, NETWORK_STREAM_BROKEN);
        if (room != NETWORK_ROOM) {
            return false;
        }
        std::array<network_span, NETWORK_SPANS> spans{};
        network_writer_begin(&writer, length, spans.data());
        std::copy_n(packet.begin(), spans[0].length, spans[0].data);
        std::copy_n(packet.begin() + spans[0].length, spans[1].length, spans[1].data);
        ringfold_network_packet described{};
        described.length = length;
        network_writer_put(&writer, &described);
        return true;
    }

    // Empty: there is nothing.
    Bytes take() {
        ringfold_network_packet packet{};
        std::array<network_span, NETWORK_SPANS> spans{};
        const network_take taken = network_reader_take(&reader, &packet, spans.data());
        EXPECT_NE(taken, NETWORK_TAKE_BROKEN);
        if (taken != NETWORK_TAKEN) {
            return {};
        }
        Bytes bytes(spans[0].data, spans[0].data + spans[0].length);
        bytes.insert(bytes.end(), spans[1].data, spans[1].data + spans[1].length);
        EXPECT_EQ(bytes.size(), packet.length);
        network_reader_release(&reader, &packet);
        return bytes;
    }

    network_take look() const {
        ringfold_network_packet packet{};
        std::array<network_span, NETWORK_SPANS> spans{};
        return network_reader_take(&reader, &packet, spans.data());
    }

    ringfold_network_stream stream{};
    std::vector<uint8_t> data;
    network_writer writer{};
    network_reader reader{};
};

uint32_t length_of(uint64_t more) { return RINGFOLD_NETWORK_SHORTEST + static_cast<uint32_t>(more); }

Bytes packet_of(uint32_t length, uint8_t first) {
    Bytes packet(length);
    std::ranges::generate(packet, [&] { return first++; });
    return packet;
}

TEST_F(NetworkRing, CarriesAPacket) {
    EXPECT_FALSE(network_reader_wait(&reader));
    ASSERT_TRUE(put(packet_of(60, 7)));
    EXPECT_EQ(look(), NETWORK_NOTHING) << "it was not shown yet";
    EXPECT_TRUE(network_writer_tell(&writer)) << "the reader waits";
    EXPECT_EQ(take(), packet_of(60, 7));
    EXPECT_EQ(look(), NETWORK_NOTHING);
}

TEST_F(NetworkRing, TellsOnlyWhoWaits) {
    EXPECT_FALSE(network_reader_wait(&reader));
    ASSERT_TRUE(put(packet_of(60, 0)));
    EXPECT_TRUE(network_writer_tell(&writer));
    ASSERT_TRUE(put(packet_of(60, 0)));
    EXPECT_FALSE(network_writer_tell(&writer)) << "it was woken and is at work";
    EXPECT_FALSE(network_writer_tell(&writer)) << "there is nothing new";
    EXPECT_TRUE(network_reader_wait(&reader)) << "there is something";
    (void)take();
    (void)take();
    EXPECT_FALSE(network_reader_wait(&reader));
    ASSERT_TRUE(put(packet_of(60, 0)));
    EXPECT_TRUE(network_writer_tell(&writer));
}

TEST_F(NetworkRing, AWriterWaitsForAsMuchRoomAsItNeeds) {
    start_at(~0u - 16 * 100 + 1);
    unsigned packets = 0;
    for (; put(packet_of(1008, 0)); ++packets) {
    }
    ASSERT_EQ(packets, size / 1024);
    (void)network_writer_tell(&writer);
    EXPECT_EQ(network_writer_wait(&writer, 3000), NETWORK_FULL);
    for (unsigned read = 1; read <= packets; ++read) {
        (void)take();
        EXPECT_EQ(network_reader_tell(&reader), read == 3) << read;  // 3,016 bytes fit when three were read
    }
    EXPECT_EQ(network_writer_wait(&writer, 3000), NETWORK_ROOM);
}

TEST_F(NetworkRing, RefusesPositionsThatCannotBe) {
    for (const uint32_t start : {0u, 4096u, ~0u - 15}) {
        for (const uint32_t ahead : {size + 16, 0x80000000u, ~0u - 15, 8u}) {
            start_at(start);
            stream.written = start + ahead;
            EXPECT_EQ(look(), NETWORK_TAKE_BROKEN) << start << " " << ahead;
            start_at(start);
            stream.read = start + (ahead == 8 ? ahead : 16);
            EXPECT_EQ(network_writer_room(&writer, 60), NETWORK_STREAM_BROKEN) << start << " " << ahead;
        }
    }
}

TEST_F(NetworkRing, RefusesLengthsThatCannotBe) {
    for (const uint32_t length :
         {0u, RINGFOLD_NETWORK_SHORTEST - 1, 61u, RINGFOLD_NETWORK_LONGEST + 1, ~0u, ~0u - 31}) {
        start_at(size - 16);
        ASSERT_TRUE(put(packet_of(48, 0)));
        (void)network_writer_tell(&writer);
        std::copy_n(reinterpret_cast<const uint8_t *>(&length), sizeof length, &data[size - 16]);
        EXPECT_EQ(look(), NETWORK_TAKE_BROKEN) << length;
    }
}

TEST_F(NetworkRing, NothingIsLostOrChangedInAnyOrder) {
    std::mt19937 random(ringfold::test::random_seed());
    start_at(~0u - 16 * 999 + 1);
    std::deque<Bytes> unread;
    for (unsigned step = 0; step < 30000; ++step) {
        Bytes packet;
        switch (random() % 4) {
            case 0:
                packet =
                    packet_of(length_of(random() % (random() % 8 == 0 ? 65000 : 2000)), static_cast<uint8_t>(random()));
                if (put(packet)) {
                    unread.push_back(packet);
                }
                break;
            case 1:
                (void)network_writer_tell(&writer);
                break;
            case 2:
                packet = take();
                if (!packet.empty()) {
                    ASSERT_FALSE(unread.empty());
                    ASSERT_EQ(packet, unread.front());
                    unread.pop_front();
                }
                break;
            default:
                (void)network_reader_tell(&reader);
        }
    }
}

// Two threads that sleep whenever they may: an event that is not sent would leave both asleep.
TEST_F(NetworkRing, NobodySleepsThroughAnEvent) {
    constexpr uint32_t count = 20000;
    std::atomic<uint32_t> writer_events = 0;
    std::atomic<uint32_t> reader_events = 0;
    const auto wake = [](std::atomic<uint32_t> &events) {
        ++events;
        events.notify_one();
    };
    std::jthread receiver([&] {
        for (uint32_t received = 0; received < count;) {
            const uint32_t events = reader_events.load();
            const Bytes packet = take();
            if (!packet.empty()) {
                ASSERT_EQ(packet[0], static_cast<uint8_t>(received));
                ++received;
            }
            if (network_reader_tell(&reader)) {
                wake(writer_events);
            }
            if (packet.empty() && !network_reader_wait(&reader)) {
                reader_events.wait(events);
            }
        }
    });
    for (uint32_t sent = 0; sent < count;) {
        const uint32_t events = writer_events.load();
        const uint32_t length = 10000 + sent % 7000;
        if (put(packet_of(length, static_cast<uint8_t>(sent)))) {
            ++sent;
        } else if (network_writer_wait(&writer, length) == NETWORK_FULL) {
            writer_events.wait(events);
        }
        if (network_writer_tell(&writer)) {
            wake(reader_events);
        }
    }
}

struct NetworkPacket : testing::Test {
    NetworkPacket() {
        packet.length = 1000;
        packet.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM;
        packet.segmentation = RINGFOLD_NETWORK_TCP4;
        packet.segment_size = 500;
        packet.checksum_start = 34;
        packet.checksum_offset = 16;
    }

    bool is_right(uint32_t features = RINGFOLD_NETWORK_CHECKSUM | RINGFOLD_NETWORK_SEGMENTATION) const {
        return network_packet_is_right(&packet, features);
    }

    ringfold_network_packet packet{};
};

TEST_F(NetworkPacket, UsesTheFeaturesThatWereTaken) {
    EXPECT_TRUE(is_right());
    EXPECT_FALSE(is_right(RINGFOLD_NETWORK_CHECKSUM));
    packet.segmentation = RINGFOLD_NETWORK_NOT_SEGMENTED;
    EXPECT_TRUE(is_right(RINGFOLD_NETWORK_CHECKSUM));
    EXPECT_FALSE(is_right(0));
    packet.flags = RINGFOLD_NETWORK_CHECKED;
    EXPECT_TRUE(is_right(0));
    packet.flags = 1U << 2;
    EXPECT_FALSE(is_right());
}

TEST_F(NetworkPacket, ItsChecksumIsInIt) {
    packet.checksum_start = 998;
    packet.checksum_offset = 0;
    EXPECT_TRUE(is_right());
    packet.checksum_offset = 1;
    EXPECT_FALSE(is_right());
    packet.checksum_start = packet.checksum_offset = 0xffff;
    EXPECT_FALSE(is_right());
}

TEST_F(NetworkPacket, SegmentsHaveASizeAKindAndAChecksum) {
    packet.segmentation = RINGFOLD_NETWORK_TCP6 | RINGFOLD_NETWORK_TCP_CONGESTION;
    EXPECT_TRUE(is_right());
    for (const uint32_t kind : {RINGFOLD_NETWORK_TCP_CONGESTION, 3u, 4u, 0x7fu, 0xffu}) {
        packet.segmentation = static_cast<uint8_t>(kind);
        EXPECT_FALSE(is_right()) << kind;
    }
    packet.segmentation = RINGFOLD_NETWORK_TCP4;
    packet.segment_size = 0;
    EXPECT_FALSE(is_right());
    packet.segment_size = 1;
    packet.flags = 0;
    EXPECT_FALSE(is_right());
}

static_assert(head == RINGFOLD_NETWORK_ALIGNMENT, "a head never wraps");

}  // namespace
