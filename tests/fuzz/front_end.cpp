// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: a back end that writes any bytes into the device page and the queues of a front end, at any time,
// also between two of its reads. Everything of the front ends that is not Linux is in here: the states of a connection,
// what they take up of an offer, their queues; and a driver that does with them what block_front.c and network_front.c
// do. Expected: what is taken up is what Linux can work with, each request is completed once, borrowed pages are all
// given back, nothing beyond them is touched, a page that nobody changes is not looked at without end.
#include "split-drivers/block_offer.h"
#include "split-drivers/block_ring.h"
#include "split-drivers/bus.h"
#include "split-drivers/network_offer.h"
#include "split-drivers/network_ring.h"

#include "fuzzed_bytes.hpp"

#include <linux/jiffies.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

unsigned long jiffies;
unsigned fake_messages;

namespace {

constexpr std::size_t page_size = 4096;
constexpr uint32_t most_pages = 2100;  // what the back end has granted of one queue; the largest streams take 2049
constexpr uint32_t most_queues = 2;
constexpr unsigned most_looks = 8;  // at a page that nobody changes

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// Pages of the back end's, with nothing that may be touched before or behind them.
class Borrowed {
  public:
    explicit Borrowed(uint32_t pages)
        : size_(pages * page_size), bytes_(static_cast<uint8_t *>(std::aligned_alloc(page_size, size_))) {
        std::memset(bytes_.get(), 0, size_);
        ++count;
    }
    Borrowed(const Borrowed &) = delete;
    Borrowed &operator=(const Borrowed &) = delete;
    ~Borrowed() { --count; }

    uint8_t *at(std::size_t offset) { return bytes_.get() + offset; }
    [[nodiscard]] std::size_t size() const { return size_; }

    static inline unsigned count = 0;  // that were not given back

  private:
    struct Free {
        void operator()(uint8_t *bytes) const { std::free(bytes); }
    };
    std::size_t size_;
    std::unique_ptr<uint8_t, Free> bytes_;
};

// One queue of a disk: requests by id, each with a page of the pool.
struct DiskQueue {
    std::unique_ptr<Borrowed> pages;
    block_front_ring ring{};
    uint32_t pool_pages = 0;
    std::set<uint32_t> free_pages;
    std::array<std::optional<uint32_t>, RINGFOLD_BLOCK_DEPTH> page_of{};  // of requests that are under way
};

struct NetworkQueue {
    std::unique_ptr<Borrowed> pages;
    network_writer writer{};
    network_reader reader{};
};

struct World {
    explicit World(FuzzedBytes input) : bytes(input) {}

    alignas(page_size) ringfold_device_page page{};
    FuzzedBytes bytes;
    bool is_disk = true;
    bool racing = false;  // the back end writes between reads, too
    front_device device{};
    unsigned looks = 0;
    // Of disks.
    block_traits disk{};
    std::deque<uint32_t> waiting;  // requests that were taken back, or not asked yet: serial numbers
    std::array<std::array<uint32_t, RINGFOLD_BLOCK_DEPTH>, most_queues> serial_of{};
    std::vector<bool> completed;  // by serial number
    std::array<DiskQueue, most_queues> disk_queues;
    // Of interfaces.
    network_traits interface {};
    std::array<NetworkQueue, most_queues> network_queues;
};

World *world;

Borrowed *pages_of(uint32_t number) {
    return (world->is_disk ? world->disk_queues[number].pages : world->network_queues[number].pages).get();
}

// Mostly the words that are read, and values that are near those that are right.
void scribble() {
    const uint32_t choice = world->bytes.number(1);
    Borrowed *pages = pages_of(choice % most_queues);
    if (choice < 96 || pages == nullptr) {
        world->bytes.scribble(&world->page, choice < 64 ? 256 : sizeof world->page);
    } else {
        world->bytes.scribble(pages->at(0), choice < 192 ? 1024 : pages->size());
    }
}

// --- what is taken up ---

// What Linux does with these numbers (include/linux/math.h, block/blk-lib.c), where it relies on their being right.
void require_usable(const block_traits &disk) {
    const auto bytes = static_cast<int64_t>(disk.sectors << RINGFOLD_BLOCK_SECTOR_SHIFT);
    require(bytes >= 0 && static_cast<uint64_t>(bytes) >> RINGFOLD_BLOCK_SECTOR_SHIFT == disk.sectors);
    require(std::has_single_bit(disk.logical_block) && disk.logical_block >= 512 && disk.logical_block <= page_size);
    require(disk.sectors % (disk.logical_block >> 9) == 0);
    require(std::has_single_bit(disk.physical_block) && disk.physical_block >= disk.logical_block);
    require(disk.request_pages >= 1 && disk.request_pages <= BLOCK_REQUEST_PAGES_MAX);
    for (const uint32_t limit : {disk.discard_limit, disk.write_zeroes_limit}) {
        require(limit % (disk.logical_block >> 9) == 0 && limit <= UINT32_MAX >> 9);
    }
    if (disk.discard_limit != 0) {
        require(std::has_single_bit(disk.discard_granularity) && disk.discard_granularity >= disk.logical_block);
        require((UINT32_MAX & ~(disk.discard_granularity - 1)) >> 9 != 0);  // it discards something each time
    }
}

void require_usable(const network_traits &interface) {
    require((interface.address[0] & 1) == 0 && interface.mtu >= 68 && interface.mtu <= 65535);
    require(std::has_single_bit(interface.stream_pages) &&
            interface.stream_pages >= RINGFOLD_NETWORK_STREAM_PAGES_LEAST &&
            interface.stream_pages <= RINGFOLD_NETWORK_STREAM_PAGES_MOST);
    require((interface.features & RINGFOLD_NETWORK_SEGMENTATION) == 0 ||
            (interface.features & RINGFOLD_NETWORK_CHECKSUM) != 0);
}

int choose(front_device *device, front_choice *choice) {
    offer_fault fault{};
    const bool right = world->is_disk ? block_offer_read(device->page, &world->disk, &fault)
                                      : network_offer_read(device->page, &world->interface, &fault);
    if (!right) {
        require(fault.field != nullptr && fault.expected != nullptr);
        return front_refuse(device, &fault);
    }
    choice->queues = std::min(front_queue_limit(device), most_queues);
    if (world->is_disk) {
        require_usable(world->disk);
        choice->features = world->disk.features;
    } else {
        require_usable(world->interface);
        choice->features = world->interface.features;
    }
    require(choice->queues >= 1);
    return 0;
}

// --- queues ---

// References count from 1 on; whatever begins elsewhere was not granted.
std::unique_ptr<Borrowed> borrow(const ringfold_device_queue &offered) {
    return offered.first_reference == 1 && offered.pages <= most_pages ? std::make_unique<Borrowed>(offered.pages)
                                                                       : nullptr;
}

bool open_disk_queue(DiskQueue &queue, const ringfold_device_queue &offered) {
    offer_fault fault{};
    if (!block_queue_is_right(&offered, &world->disk, &fault)) {
        return false;
    }
    queue.pages = borrow(offered);
    if (queue.pages == nullptr) {
        return false;
    }
    queue.pool_pages = offered.pages - RINGFOLD_BLOCK_POOL_FIRST;
    require(queue.pool_pages > world->disk.request_pages && queue.pool_pages <= UINT16_MAX);
    for (uint32_t page = 0; page < queue.pool_pages; ++page) {
        queue.free_pages.insert(page);
    }
    queue.ring = {};
    queue.ring.queue = reinterpret_cast<ringfold_block_queue *>(queue.pages->at(0));
    queue.ring.requests = reinterpret_cast<ringfold_block_request *>(queue.pages->at(page_size));
    return true;
}

bool open_network_queue(NetworkQueue &queue, const ringfold_device_queue &offered) {
    offer_fault fault{};
    if (!network_queue_is_right(&offered, &world->interface, &fault)) {
        return false;
    }
    queue.pages = borrow(offered);
    if (queue.pages == nullptr) {
        return false;
    }
    const auto size = static_cast<uint32_t>(world->interface.stream_pages * page_size);
    auto *positions = reinterpret_cast<ringfold_network_queue *>(queue.pages->at(0));
    queue.writer = {};
    queue.writer.stream = &positions->to_back;
    queue.writer.data = queue.pages->at(page_size);
    queue.reader = {};
    queue.reader.stream = &positions->to_front;
    queue.reader.data = queue.pages->at(page_size + size);
    queue.writer.size = queue.reader.size = size;
    return true;
}

void close_queues() {
    for (uint32_t number = 0; number < most_queues; ++number) {
        DiskQueue &queue = world->disk_queues[number];
        for (uint32_t id = 0; id < RINGFOLD_BLOCK_DEPTH; ++id) {
            const bool asked = queue.page_of[id].has_value();
            require(block_front_take_back(&queue.ring, id) == asked);
            if (asked) {
                world->waiting.push_back(world->serial_of[number][id]);
                queue.page_of[id].reset();
            }
        }
        queue.free_pages.clear();
        queue.pages.reset();
        world->network_queues[number].pages.reset();
    }
}

int connect(front_device *device) {
    require(!device->connected && Borrowed::count == 0);
    for (uint32_t number = 0; number < device->choice.queues; ++number) {
        const ringfold_device_queue offered = front_read_queue(device, number);
        if (!(world->is_disk ? open_disk_queue(world->disk_queues[number], offered)
                             : open_network_queue(world->network_queues[number], offered))) {
            close_queues();
            return -EPROTO;
        }
    }
    require(Borrowed::count == device->choice.queues);
    return 0;
}

void offer_changed(front_device *device) {
    require(device->connected);
    offer_fault fault{};
    uint64_t sectors = 0;
    if (!world->is_disk) {
        (void)network_offer_read_link(device->page);
    } else if (block_offer_read_size(device->page, &world->disk, &sectors, &fault) && front_may_change(device)) {
        world->disk.sectors = sectors;
        require_usable(world->disk);
    }
}

bool may_close(front_device *) { return (jiffies & 1) != 0; }

void disconnect(front_device *device) {
    require(device->connected);
    close_queues();
    require(Borrowed::count == 0);
}

void fail(front_device *device) { require(!device->connected); }

front_driver driver = {.driver = {},
                       .kind = RINGFOLD_DEVICE_BLOCK,
                       .probe = nullptr,
                       .choose = choose,
                       .connect = connect,
                       .offer_changed = offer_changed,
                       .may_close = may_close,
                       .disconnect = disconnect,
                       .fail = fail,
                       .remove = nullptr};

// --- what uses a disk ---

void ask(uint32_t number) {
    DiskQueue &queue = world->disk_queues[number];
    const auto free_id = std::ranges::find_if(queue.page_of, [](const auto &page) { return !page.has_value(); });
    if (queue.pages == nullptr || free_id == queue.page_of.end() || queue.free_pages.empty()) {
        return;
    }
    if (world->waiting.empty()) {
        world->waiting.push_back(static_cast<uint32_t>(world->completed.size()));
        world->completed.push_back(false);
    }
    const auto id = static_cast<uint32_t>(free_id - queue.page_of.begin());
    const uint32_t page = queue.free_pages.extract(queue.free_pages.begin()).value();
    std::memset(queue.pages->at((RINGFOLD_BLOCK_POOL_FIRST + page) * page_size), 1, page_size);
    *free_id = page;
    world->serial_of[number][id] = world->waiting.front();
    world->waiting.pop_front();
    ringfold_block_request request{};
    request.id = id;
    request.page_count = 1;
    request.pages[0] = static_cast<uint16_t>(page);
    block_front_put(&queue.ring, &request);
}

void take_answers(uint32_t number) {
    DiskQueue &queue = world->disk_queues[number];
    ringfold_block_answer answer{};
    for (unsigned count = 0; queue.pages != nullptr; ++count) {
        const block_take taken = block_front_take(&queue.ring, &answer);
        if (taken == BLOCK_BROKEN) {
            front_give_up(&world->device, "answers");
        }
        if (taken != BLOCK_TAKEN) {
            return;
        }
        require(count < RINGFOLD_BLOCK_DEPTH && answer.id < RINGFOLD_BLOCK_DEPTH &&
                queue.page_of[answer.id].has_value());
        const uint32_t serial = world->serial_of[number][answer.id];
        require(!world->completed[serial]);
        world->completed[serial] = true;
        std::array<uint8_t, page_size> data{};
        std::memcpy(data.data(), queue.pages->at((RINGFOLD_BLOCK_POOL_FIRST + *queue.page_of[answer.id]) * page_size),
                    page_size);
        queue.free_pages.insert(*queue.page_of[answer.id]);
        queue.page_of[answer.id].reset();
    }
}

// Something is always asked, waits or was completed, and only one of them.
void require_that_nothing_is_lost() {
    std::vector<bool> seen = world->completed;
    const auto note = [&](uint32_t serial) {
        require(!seen[serial]);
        seen[serial] = true;
    };
    for (const uint32_t serial : world->waiting) {
        note(serial);
    }
    for (uint32_t number = 0; number < most_queues; ++number) {
        for (uint32_t id = 0; id < RINGFOLD_BLOCK_DEPTH; ++id) {
            if (world->disk_queues[number].page_of[id].has_value()) {
                note(world->serial_of[number][id]);
            }
        }
    }
    require(std::ranges::find(seen, false) == seen.end());
}

// --- what uses an interface ---

void touch(const std::array<network_span, NETWORK_SPANS> &spans, uint32_t length, bool writes) {
    static std::array<uint8_t, RINGFOLD_NETWORK_LONGEST> packet;
    require(spans[0].length + spans[1].length == length && length <= packet.size());
    for (const network_span &span : spans) {
        if (writes) {
            std::memcpy(span.data, packet.data(), span.length);
        } else {
            std::memcpy(packet.data(), span.data, span.length);
        }
    }
}

void send(NetworkQueue &queue) {
    const uint32_t length = RINGFOLD_NETWORK_SHORTEST + world->bytes.number(2);
    if (queue.pages == nullptr) {
        return;
    }
    const network_room room = network_writer_room(&queue.writer, length);
    if (room == NETWORK_STREAM_BROKEN) {
        front_give_up(&world->device, "read");
    }
    if (room != NETWORK_ROOM) {
        (void)network_writer_wait(&queue.writer, RINGFOLD_NETWORK_LONGEST);
        return;
    }
    std::array<network_span, NETWORK_SPANS> spans{};
    network_writer_begin(&queue.writer, length, spans.data());
    touch(spans, length, true);
    ringfold_network_packet packet{};
    packet.length = length;
    network_writer_put(&queue.writer, &packet);
    (void)network_writer_tell(&queue.writer);
}

void receive(NetworkQueue &queue) {
    for (unsigned count = 0; queue.pages != nullptr && count < 64; ++count) {
        ringfold_network_packet packet{};
        std::array<network_span, NETWORK_SPANS> spans{};
        const network_take taken = network_reader_take(&queue.reader, &packet, spans.data());
        if (taken == NETWORK_NOTHING) {
            (void)network_reader_tell(&queue.reader);
            (void)network_reader_wait(&queue.reader);
            return;
        }
        if (taken == NETWORK_TAKE_BROKEN || !network_packet_is_right(&packet, world->device.choice.features)) {
            front_give_up(&world->device, "a packet");
            return;
        }
        touch(spans, packet.length, false);
        network_reader_release(&queue.reader, &packet);
    }
}

// --- the back end ---

void offer_rightly() {
    ringfold_device_page &page = world->page;
    page.queue_limit = most_queues;
    page.error = 0;
    page.features = 3;
    std::memset(page.kind, 0, sizeof page.kind);
    if (world->is_disk) {
        auto &offer = *reinterpret_cast<ringfold_block_offer *>(page.kind);
        offer.sectors = 2048;
        offer.logical_block = 512;
        offer.pages_limit = 4;
    } else {
        auto &offer = *reinterpret_cast<ringfold_network_offer *>(page.kind);
        offer.address[0] = 2;
        offer.mtu = 1500;
        offer.stream_pages = RINGFOLD_NETWORK_STREAM_PAGES_LEAST;
    }
    for (ringfold_device_queue &queue : page.queues) {
        queue = {};
        queue.first_reference = 1;
        queue.pages = world->is_disk ? 16 : 1 + 2 * RINGFOLD_NETWORK_STREAM_PAGES_LEAST;
    }
}

// As an honest back end would, so that what follows attacks something that works.
void follow() {
    switch (world->device.state) {
        case RINGFOLD_STATE_NONE:
            offer_rightly();
            world->page.back_state = RINGFOLD_STATE_OFFERED;
            break;
        case RINGFOLD_STATE_CLOSED:
            world->page.back_state = RINGFOLD_STATE_CLOSED;
            break;
        default:
            world->page.back_state = RINGFOLD_STATE_CONNECTED;
    }
}

void answer_one(uint32_t number) {
    DiskQueue &queue = world->disk_queues[number];
    if (queue.pages == nullptr) {
        return;
    }
    const uint32_t answered = queue.ring.queue->answered;
    queue.ring.queue->answers[answered % RINGFOLD_BLOCK_DEPTH] = {
        queue.ring.requests[answered % RINGFOLD_BLOCK_DEPTH].id, 0};
    queue.ring.queue->answered = answered + 1;
}

// A page that stays as it is has been dealt with after a few looks.
void look() {
    unsigned looks = 0;
    do {
        world->looks = 0;
        front_step(&world->device);
        require(world->racing || ++looks <= most_looks);
    } while (world->looks != 0 && world->bytes.left());
    require((Borrowed::count != 0) == world->device.connected);
}

void act() {
    const uint32_t choice = world->bytes.number(1);
    const uint32_t number = choice / 16 % most_queues;
    world->racing = choice >= 128;
    switch (choice % 16) {
        case 0:
        case 1:
            scribble();
            break;
        case 2:
        case 3:
        case 4:
            follow();
            look();
            break;
        case 5:
        case 6:
            look();
            break;
        case 7:
            jiffies += world->bytes.number(2);
            break;
        case 8:
        case 9:
            ask(number);
            send(world->network_queues[number]);
            break;
        case 10:
            if (world->disk_queues[number].pages != nullptr) {
                (void)block_front_tell(&world->disk_queues[number].ring);
            }
            break;
        case 11:
        case 12:
            answer_one(number);
            break;
        default:
            take_answers(number);
            receive(world->network_queues[number]);
    }
}

}  // namespace

// What bus.c does for the states.
front_driver *front_driver_of(const front_device *) { return &driver; }
void front_look_again() { ++world->looks; }
void front_look_later(unsigned long delay) { require(delay > 0 && delay <= 60 * HZ); }
void front_settled(front_device *) {}
void front_set_state(front_device *device, u32 state) {
    device->state = state;
    world->page.front_state = state;
}

extern "C" void shared_memory_changes() {
    if (world->racing && world->bytes.left() && world->bytes.number(1) < 96) {
        scribble();
    }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t size) {
    World made(FuzzedBytes(std::span{data, size}));
    world = &made;
    jiffies = 1000;
    fake_messages = 0;
    made.is_disk = made.bytes.number(1) % 2 == 0;
    made.device.page = &made.page;
    offer_rightly();
    made.page.back_state = RINGFOLD_STATE_OFFERED;
    front_begin(&made.device);
    while (made.bytes.left()) {
        act();
    }
    made.racing = false;
    require_that_nothing_is_lost();
    front_end(&made.device);
    require(Borrowed::count == 0);
    return 0;
}
