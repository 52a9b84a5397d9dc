// SPDX-License-Identifier: Apache-2.0
//
// Network interfaces through which a guest attacks who serves them: heads of packets and positions that are wrong in
// every way that ringfold/network.h knows, packets with odd offloads and random contents for everybody on the bridge,
// streams that change while they are read, on top of what any device can be attacked with
// (framework/hostile_device.hpp). Expected: what breaks the rules ends the connection, what only is odd does not, and
// each time packets are then taken again. What else must hold (the control domain, its memory and the guest's
// neighbours) is looked at by tests/system/test_hostile.py, which runs it.
#include "framework/console.hpp"
#include "framework/event.hpp"
#include "framework/guest.hpp"
#include "framework/hostile_device.hpp"

#include <ringfold/network.h>

#include <algorithm>
#include <atomic>
#include <cstring>

using namespace guest;

namespace {

constexpr uint32_t most_interfaces = 4;
constexpr uint32_t head_size = sizeof(ringfold_network_packet);
constexpr uint16_t experimental = 0x88b5;  // the Ethernet type that IEEE 802 sets aside for local experiments
constexpr uint32_t ethernet_header = 14;

// --- a queue, as its front end sees it ---

constinit uint32_t written[most_interfaces][FrontDevice::most_queues] = {};
constinit FrontDevice *interfaces[most_interfaces] = {};

uint32_t &written_of(const FrontDevice &device, uint32_t number) { return written[device.number()][number]; }

volatile ringfold_network_queue &positions(FrontDevice &device, uint32_t number) {
    return *device.queue(number).pages.at<volatile ringfold_network_queue>();
}
const ringfold_network_offer &offer_of(const FrontDevice &device) { return device.offer<ringfold_network_offer>(); }
uint32_t stream_size(const FrontDevice &device) {
    return offer_of(device).stream_pages * static_cast<uint32_t>(page_size);
}

void begin(FrontDevice &device) {
    if (device.number() >= most_interfaces) {
        error("interface %u", device.number());
    }
    interfaces[device.number()] = &device;
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        written_of(device, number) = 0;
    }
}

// Copied to a place in the stream that the front end writes.
void copy_out(FrontDevice &device, uint32_t number, uint32_t position, const void *from, uint32_t length) {
    const auto *bytes = static_cast<const uint8_t *>(from);
    auto *stream = device.queue(number).pages.at<uint8_t>(page_size);
    for (uint32_t index = 0; index < length; ++index) {
        stream[(position + index) % stream_size(device)] = bytes[index];
    }
}

uint32_t space_of(uint32_t length) {
    return (head_size + length + RINGFOLD_NETWORK_ALIGNMENT - 1) / RINGFOLD_NETWORK_ALIGNMENT *
           RINGFOLD_NETWORK_ALIGNMENT;
}

// Whatever the head says, the stream then has a packet of `length` bytes more.
void put(FrontDevice &device, uint32_t number, const ringfold_network_packet &head, const void *data, uint32_t length) {
    uint32_t &position = written_of(device, number);
    copy_out(device, number, position, &head, head_size);
    copy_out(device, number, position + head_size, data, length);
    position += space_of(length);
}

void tell(FrontDevice &device, uint32_t number) {
    std::atomic_thread_fence(std::memory_order_release);
    positions(device, number).to_back.written = written_of(device, number);
    check(send_event(device.queue(number).port).ok(), "an event for packets");
}

bool has_room(FrontDevice &device, uint32_t number, uint32_t length) {
    return space_of(length) <=
           stream_size(device) - (written_of(device, number) - positions(device, number).to_back.read);
}

// What came meanwhile is dropped, so that nothing waits to be sent.
bool await_reader(FrontDevice &device, uint32_t number) {
    volatile ringfold_network_queue &queue = positions(device, number);
    const bool all = wait_until([&] { return queue.to_back.read == written_of(device, number); });
    queue.to_front.read = queue.to_front.written;
    check(send_event(device.queue(number).port).ok(), "an event for what was read");
    return check(all, "position %u was written, %u read, state %u", written_of(device, number), queue.to_back.read,
                 device.back_state());
}

// --- packets ---

constexpr uint32_t longest = 60 * 1024;
constinit uint8_t packet[longest] = {};

// An Ethernet header from this interface to everybody, and random bytes behind it.
void compose(const FrontDevice &device, uint16_t type, uint32_t length, Random &random) {
    std::memset(packet, 0xff, 6);
    std::memcpy(packet + 6, offer_of(device).address, 6);
    packet[12] = static_cast<uint8_t>(type >> 8);
    packet[13] = static_cast<uint8_t>(type);
    for (uint32_t index = ethernet_header; index < length; index += 8) {
        const uint64_t word = random.next();
        std::memcpy(packet + index, &word, std::min<uint32_t>(8, length - index));
    }
}

ringfold_network_packet plain(uint32_t length) {
    ringfold_network_packet head{};
    head.length = length;
    return head;
}

void send_plain(FrontDevice &device, uint32_t number, Random &random) {
    const auto length = static_cast<uint32_t>(ethernet_header + random.below(1500));
    compose(device, experimental, length, random);
    put(device, number, plain(length), packet, length);
    tell(device, number);
}

void use(FrontDevice &device, Random &random) {
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        if (!await_reader(device, number)) {
            return;
        }
        send_plain(device, number, random);
        await_reader(device, number);
        check(device.back_state() == RINGFOLD_STATE_CONNECTED, "state %u after a packet that is right",
              device.back_state());
    }
}

// --- attacks ---

// Of a TCP segment in IPv4, with an odd size here and there.
uint32_t compose_segment(const FrontDevice &device, ringfold_network_packet &head, Random &random) {
    const auto length =
        static_cast<uint32_t>(random.below(2) == 0 ? 54 + random.below(3000) : longest - random.below(100));
    const uint32_t total = length - ethernet_header;
    compose(device, 0x0800, length, random);
    const uint8_t header[] = {0x45,
                              0,
                              static_cast<uint8_t>(total >> 8),
                              static_cast<uint8_t>(total),
                              0,
                              0,
                              0x40,
                              0,
                              64,
                              6,
                              0,
                              0,
                              10,
                              0,
                              2,
                              99,
                              10,
                              0,
                              2,
                              255};
    std::memcpy(packet + ethernet_header, header, sizeof header);
    packet[ethernet_header + 20 + 12] = static_cast<uint8_t>(random.below(16) << 4);  // how long the TCP header is
    head = plain(length);
    head.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM;
    head.segmentation = RINGFOLD_NETWORK_TCP4;
    head.segment_size = static_cast<uint16_t>(random.below(4) == 0 ? 1 + random.below(3) : 1448);
    head.checksum_start = 34;
    head.checksum_offset = 16;
    return length;
}

// What a rule allows and nobody sends; `network_packet_is_right` lets it through.
uint32_t compose_oddly(const FrontDevice &device, ringfold_network_packet &head, Random &random) {
    constexpr std::array<uint16_t, 8> types{0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x0026, experimental, 0x8847};
    uint32_t length = 0;
    if (random.below(3) == 0) {
        length = compose_segment(device, head, random);
    } else {
        length = static_cast<uint32_t>(RINGFOLD_NETWORK_SHORTEST + random.below(random.below(4) == 0 ? 20000 : 200));
        compose(device, types[random.below(types.size())], length, random);
        head = plain(length);
    }
    head.header_length = static_cast<uint16_t>(random.below(2) == 0 ? random.next() : random.below(80));
    if (random.below(2) == 0) {
        head.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM;
        head.checksum_start = static_cast<uint16_t>(random.below(length - 1));
        head.checksum_offset = static_cast<uint16_t>(random.below(length - 1 - head.checksum_start));
    }
    if (random.below(3) == 0) {
        head.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM;
        head.segmentation =
            static_cast<uint8_t>((random.below(2) == 0 ? RINGFOLD_NETWORK_TCP4 : RINGFOLD_NETWORK_TCP6) |
                                 (random.below(2) == 0 ? 0U : RINGFOLD_NETWORK_TCP_CONGESTION));
        head.segment_size = static_cast<uint16_t>(1 + random.below(65535));
        head.checksum_start = static_cast<uint16_t>(random.below(length - 1));
        head.checksum_offset = 0;
    }
    if (random.below(4) == 0) {
        head.flags = static_cast<uint8_t>(head.flags | RINGFOLD_NETWORK_CHECKED);
    }
    head.reserved = static_cast<uint16_t>(random.next());
    return length;
}

void burden(FrontDevice &device, Random &random) {
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        for (unsigned count = 0; count < 40; ++count) {
            ringfold_network_packet head{};
            const uint32_t length = compose_oddly(device, head, random);
            if (!has_room(device, number, length)) {
                break;
            }
            put(device, number, head, packet, length);
        }
        tell(device, number);
    }
}

void send_oddly(FrontDevice &device, Random &random) {
    for (unsigned turn = 0; turn < 4; ++turn) {
        burden(device, random);
        for (uint32_t number = 0; number < device.queue_count(); ++number) {
            await_reader(device, number);
        }
    }
    check(device.back_state() == RINGFOLD_STATE_CONNECTED, "state %u after packets that are odd", device.back_state());
}

struct Wrong {
    const char *what;
    void (*make)(ringfold_network_packet &head);
};

// What is wrong with the head of a packet of 100 bytes.
constexpr Wrong wrongs[] = {
    {"no length", [](auto &h) { h.length = 0; }},
    {"shorter than a header", [](auto &h) { h.length = RINGFOLD_NETWORK_SHORTEST - 1; }},
    {"longer than what was written", [](auto &h) { h.length = 113; }},
    {"longer than the longest", [](auto &h) { h.length = RINGFOLD_NETWORK_LONGEST + 1; }},
    {"a length that wraps", [](auto &h) { h.length = ~0U; }},
    {"a flag that there is not", [](auto &h) { h.flags = 0x80; }},
    {"a checksum behind the end", [](auto &h) { h.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM, h.checksum_start = 99; }},
    {"a checksum that wraps",
     [](auto &h) { h.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM, h.checksum_start = 65535, h.checksum_offset = 65535; }},
    {"segments without a checksum", [](auto &h) { h.segmentation = RINGFOLD_NETWORK_TCP4, h.segment_size = 20; }},
    {"segments of no size",
     [](auto &h) { h.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM, h.segmentation = RINGFOLD_NETWORK_TCP4; }},
    {"segments of a kind that there is not",
     [](auto &h) { h.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM, h.segmentation = 3, h.segment_size = 20; }},
    {"congestion of nothing",
     [](auto &h) {
         h.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM, h.segmentation = RINGFOLD_NETWORK_TCP_CONGESTION,
         h.segment_size = 20;
     }},
};

void connect_again(FrontDevice &device, uint32_t features) {
    if (device.connect(device.usual_queues(), features)) {
        begin(device);
    }
}

void send_wrongly(FrontDevice &device, Random &random) {
    for (const Wrong &wrong : wrongs) {
        const auto number = static_cast<uint32_t>(random.below(device.queue_count()));
        if (!device.connected() || !await_reader(device, number)) {
            return;
        }
        ringfold_network_packet head = plain(100);
        wrong.make(head);
        compose(device, experimental, 100, random);
        put(device, number, head, packet, 100);
        tell(device, number);
        check_thrown_out(device, wrong.what);
        connect_again(device, device.features());
    }
}

// Offloads that it did not take.
void send_untaken(FrontDevice &device, Random &random) {
    device.start_over();
    connect_again(device, 0);
    if (device.connected() && await_reader(device, 0)) {
        compose(device, experimental, 100, random);
        ringfold_network_packet head = plain(100);
        head.flags = RINGFOLD_NETWORK_NEEDS_CHECKSUM;
        head.checksum_start = 20;
        put(device, 0, head, packet, 100);
        tell(device, 0);
        check_thrown_out(device, "a checksum that nobody has offered to fill in");
    }
}

void jump(FrontDevice &device, Random &random) {
    for (const uint32_t distance : {8U, 1U, stream_size(device) + RINGFOLD_NETWORK_ALIGNMENT, ~0U - 15, 1U << 31}) {
        const auto number = static_cast<uint32_t>(random.below(device.queue_count()));
        if (!device.connected() || !await_reader(device, number)) {
            return;
        }
        written_of(device, number) += distance;
        tell(device, number);
        check_thrown_out(device, "a position that cannot be right");
        connect_again(device, device.features());
    }
}

// It has read what was not written, which shows when somebody sends to all interfaces of the bridge.
void read_too_much(FrontDevice &device, Random &random) {
    FrontDevice *other = interfaces[device.number() == 0 ? 1 : 0];
    if (other == nullptr || !other->connected()) {
        return;
    }
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        if (!await_reader(device, number)) {
            return;
        }
        volatile ringfold_network_stream &stream = positions(device, number).to_front;
        stream.read = stream.written + (random.below(2) == 0 ? RINGFOLD_NETWORK_ALIGNMENT * 1024 : 3);
    }
    const bool closed = wait_until([&] {
        send_plain(*other, 0, random);
        return wait_until([&] { return device.back_state() == RINGFOLD_STATE_CLOSED; }, 100 * millisecond);
    });
    check(closed, "who reads what was not written stays connected");
    check_thrown_out(device, "a position that was read before it was written");
}

void change_while_it_is_read(FrontDevice &device, Random &random) {
    burden(device, random);
    const BorrowedPages &pages = device.queue(0).pages;
    for (unsigned word = 0; word < 20000; ++word) {
        // Not the positions: heads and data of packets.
        const uint64_t place = page_size + random.below(stream_size(device) / 4) * 4;
        *pages.at<volatile uint32_t>(place) =
            static_cast<uint32_t>(random.below(4) == 0 ? random.below(128) : random.next());
    }
    device.start_over();
}

constexpr Attack attacks[] = {
    {"odd packets", send_oddly},
    {"wrong packets", send_wrongly},
    {"what was not taken", send_untaken},
    {"positions that cannot be right", jump},
    {"reading what is not there", read_too_much},
    {"packets that change", change_while_it_is_read},
};

}  // namespace

void guest_main() {
    static constexpr HostileKind networks{RINGFOLD_DEVICE_NETWORK, begin, use, burden, attacks};
    attack_devices(networks);
}
