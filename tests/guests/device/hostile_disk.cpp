// SPDX-License-Identifier: Apache-2.0
//
// Disks through which a guest attacks who serves them: requests that are wrong in every way that ringfold/block.h
// knows, requests and tables of pages that change while they are read, indices that cannot be right, on top of what any
// device can be attacked with (framework/hostile_device.hpp). Expected: a wrong request is answered with its error, an
// index that cannot be right ends the connection, and each time the disk then reads back what is written to it. What
// else must hold (the control domain, its memory and the guest's neighbours) is looked at by
// tests/system/test_hostile.py, which runs it.
#include "framework/console.hpp"
#include "framework/event.hpp"
#include "framework/guest.hpp"
#include "framework/hostile_device.hpp"

#include <ringfold/block.h>

#include <algorithm>
#include <atomic>

using namespace guest;

namespace {

constexpr uint32_t page_sectors = page_size >> RINGFOLD_BLOCK_SECTOR_SHIFT;
constexpr uint32_t least_sectors = 1024;  // of a disk

// --- a queue, as its front end sees it ---

constinit uint32_t asked[8][FrontDevice::most_queues] = {};

uint32_t &asked_of(const FrontDevice &device, uint32_t number) { return asked[device.number()][number]; }

volatile ringfold_block_queue &indices(FrontDevice &device, uint32_t number) {
    return *device.queue(number).pages.at<volatile ringfold_block_queue>();
}
uint32_t pool_pages(FrontDevice &device, uint32_t number) {
    return device.queue(number).pages.count() - RINGFOLD_BLOCK_POOL_FIRST;
}
template <typename T>
T *pool_page(FrontDevice &device, uint32_t number, uint32_t page) {
    return device.queue(number).pages.at<T>((RINGFOLD_BLOCK_POOL_FIRST + page) * page_size);
}
const ringfold_block_offer &offer_of(const FrontDevice &device) { return device.offer<ringfold_block_offer>(); }
bool is_read_only(const FrontDevice &device) { return (device.features() & RINGFOLD_BLOCK_READ_ONLY) != 0; }

void begin(FrontDevice &device) {
    if (offer_of(device).sectors < least_sectors) {
        error("a disk of %lu sectors", offer_of(device).sectors);
    }
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        asked_of(device, number) = 0;
    }
}

void put(FrontDevice &device, uint32_t number, const ringfold_block_request &request) {
    auto *requests = device.queue(number).pages.at<ringfold_block_request>(page_size);
    requests[asked_of(device, number)++ % RINGFOLD_BLOCK_DEPTH] = request;
}

void tell(FrontDevice &device, uint32_t number) {
    std::atomic_thread_fence(std::memory_order_release);
    indices(device, number).asked = asked_of(device, number);
    check(send_event(device.queue(number).port).ok(), "an event for requests");
}

bool await_answers(FrontDevice &device, uint32_t number) {
    const volatile ringfold_block_queue &queue = indices(device, number);
    const bool all = wait_until([&] { return queue.answered == asked_of(device, number); });
    std::atomic_thread_fence(std::memory_order_acquire);
    return check(all, "%u requests, %u answers, state %u", asked_of(device, number), queue.answered,
                 device.back_state());
}

// The last answer but `back` others.
ringfold_block_answer answer_before(FrontDevice &device, uint32_t number, uint32_t back) {
    const volatile ringfold_block_answer &answer =
        indices(device, number).answers[(asked_of(device, number) - 1 - back) % RINGFOLD_BLOCK_DEPTH];
    return {answer.id, answer.status};
}

// One request, and its status.
int32_t ask(FrontDevice &device, uint32_t number, const ringfold_block_request &request) {
    put(device, number, request);
    tell(device, number);
    return await_answers(device, number) ? answer_before(device, number, 0).status : 1;
}

// --- requests ---

// Of `pages` pages from `first` of the pool on. The table of an indirect one is the page behind them.
ringfold_block_request transfer(FrontDevice &device, uint32_t number, uint8_t operation, uint64_t sector,
                                uint32_t pages, uint32_t first) {
    ringfold_block_request request{};
    request.sector = sector;
    request.sectors = pages * page_sectors;
    request.operation = operation;
    request.page_count = static_cast<uint16_t>(pages);
    uint16_t *numbers = request.pages;
    if (pages > RINGFOLD_BLOCK_INLINE_PAGES) {
        request.flags = RINGFOLD_BLOCK_INDIRECT;
        request.pages[0] = static_cast<uint16_t>(first + pages);
        numbers = pool_page<uint16_t>(device, number, first + pages);
    }
    for (uint32_t page = 0; page < pages; ++page) {
        numbers[page] = static_cast<uint16_t>(first + page);
    }
    return request;
}

uint64_t random_sector(const FrontDevice &device, uint32_t pages, Random &random) {
    return random.below(offer_of(device).sectors / page_sectors - pages + 1) * page_sectors;
}

// What is written is read, whatever happened before.
void use_queue(FrontDevice &device, uint32_t number, Random &random) {
    if (!await_answers(device, number)) {
        return;
    }
    const uint32_t most = std::min(pool_pages(device, number) / 2 - 1, offer_of(device).pages_limit);
    const auto pages = static_cast<uint32_t>(1 + random.below(most));
    const uint32_t half = pool_pages(device, number) / 2;
    const uint64_t sector = random_sector(device, pages, random);
    const uint64_t words = pages * page_size / sizeof(uint64_t);
    auto *written = pool_page<uint64_t>(device, number, 0);
    auto *read = pool_page<uint64_t>(device, number, half);
    for (uint64_t word = 0; word < words; ++word) {
        written[word] = random.next();
        read[word] = 0;
    }
    if (!is_read_only(device)) {
        check_equal(static_cast<uint64_t>(
                        ask(device, number, transfer(device, number, RINGFOLD_BLOCK_WRITE, sector, pages, 0))),
                    0, "writing");
    }
    check_equal(
        static_cast<uint64_t>(ask(device, number, transfer(device, number, RINGFOLD_BLOCK_READ, sector, pages, half))),
        0, "reading");
    check(is_read_only(device) || std::equal(written, written + words, read),
          "%u pages from sector %lu are not what was written", pages, sector);
}

void use(FrontDevice &device, Random &random) {
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        use_queue(device, number, random);
    }
}

ringfold_block_request random_request(FrontDevice &device, uint32_t number, Random &random) {
    const auto pages = static_cast<uint32_t>(1 + random.below(30));
    ringfold_block_request request =
        transfer(device, number, static_cast<uint8_t>(random.below(RINGFOLD_BLOCK_ZERO_RANGE + 1)),
                 random_sector(device, pages, random), pages,
                 static_cast<uint32_t>(random.below(pool_pages(device, number) - pages - 1)));
    if (random.below(2) == 0) {
        auto *words = reinterpret_cast<uint32_t *>(&request);
        words[random.below(sizeof request / sizeof *words)] =
            static_cast<uint32_t>(random.below(2) == 0 ? random.below(512) : random.next());
    }
    return request;
}

void burden(FrontDevice &device, Random &random) {
    for (uint32_t number = 0; number < device.queue_count(); ++number) {
        while (asked_of(device, number) - indices(device, number).answered < RINGFOLD_BLOCK_DEPTH) {
            put(device, number, random_request(device, number, random));
            if (random.below(16) == 0) {
                tell(device, number);
                break;
            }
        }
        tell(device, number);
    }
}

// --- attacks ---

struct Wrong {
    const char *what;
    void (*make)(ringfold_block_request &request, const ringfold_block_offer &offer, uint32_t pool);
    int32_t status;
};

// What is wrong with the read of one page from sector 0.
constexpr Wrong wrongs[] = {
    {"an operation that there is not", [](auto &r, auto &, uint32_t) { r.operation = RINGFOLD_BLOCK_ZERO_RANGE + 1; },
     RINGFOLD_EINVAL},
    {"operation 255", [](auto &r, auto &, uint32_t) { r.operation = 255; }, RINGFOLD_EINVAL},
    {"a flag that there is not", [](auto &r, auto &, uint32_t) { r.flags = 0x80; }, RINGFOLD_EINVAL},
    {"a flag of another operation", [](auto &r, auto &, uint32_t) { r.flags = RINGFOLD_BLOCK_NO_UNMAP; },
     RINGFOLD_EINVAL},
    {"no pages", [](auto &r, auto &, uint32_t) { r.page_count = 0; }, RINGFOLD_EINVAL},
    {"a page too many", [](auto &r, auto &, uint32_t) { r.page_count = 2; }, RINGFOLD_EINVAL},
    {"65535 pages", [](auto &r, auto &, uint32_t) { r.page_count = 65535, r.sectors = 65535 * page_sectors; },
     RINGFOLD_EINVAL},
    {"more pages than there is room for",
     [](auto &r, auto &, uint32_t) { r.page_count = 21, r.sectors = 21 * page_sectors; }, RINGFOLD_EINVAL},
    {"a page behind the pool", [](auto &r, auto &, uint32_t pool) { r.pages[0] = static_cast<uint16_t>(pool); },
     RINGFOLD_EINVAL},
    {"page 65535", [](auto &r, auto &, uint32_t) { r.pages[0] = 65535; }, RINGFOLD_EINVAL},
    {"a table behind the pool",
     [](auto &r, auto &, uint32_t pool) {
         r.flags = RINGFOLD_BLOCK_INDIRECT, r.pages[0] = static_cast<uint16_t>(pool);
     },
     RINGFOLD_EINVAL},
    {"no sectors", [](auto &r, auto &, uint32_t) { r.sectors = 0; }, RINGFOLD_EINVAL},
    {"more sectors than pages", [](auto &r, auto &, uint32_t) { r.sectors = 2 * page_sectors; }, RINGFOLD_EINVAL},
    {"2^40 sectors", [](auto &r, auto &, uint32_t) { r.sectors = 1ULL << 40; }, RINGFOLD_EINVAL},
    {"2^64 - 1 sectors", [](auto &r, auto &, uint32_t) { r.sectors = ~0ULL; }, RINGFOLD_EINVAL},
    {"the first sector behind the end",
     [](auto &r, auto &offer, uint32_t) { r.sector = offer.sectors / page_sectors * page_sectors; }, RINGFOLD_ERANGE},
    {"a place that wraps", [](auto &r, auto &, uint32_t) { r.sector = ~0ULL - page_sectors + 1; }, RINGFOLD_ERANGE},
    {"a place that is negative", [](auto &r, auto &, uint32_t) { r.sector = 1ULL << 63; }, RINGFOLD_ERANGE},
};

void ask_wrongly(FrontDevice &device, Random &random) {
    const auto number = static_cast<uint32_t>(random.below(device.queue_count()));
    if (!await_answers(device, number)) {
        return;
    }
    for (uint32_t index = 0; index < std::size(wrongs); ++index) {
        ringfold_block_request request = transfer(device, number, RINGFOLD_BLOCK_READ, 0, 1, 0);
        request.id = index;
        wrongs[index].make(request, offer_of(device), pool_pages(device, number));
        put(device, number, request);
    }
    tell(device, number);
    if (!await_answers(device, number)) {
        return;
    }
    uint64_t answered = 0;
    for (uint32_t back = 0; back < std::size(wrongs); ++back) {
        const ringfold_block_answer answer = answer_before(device, number, back);
        if (check(answer.id < std::size(wrongs), "an answer to request %u", answer.id)) {
            answered |= uint64_t{1} << answer.id;
            check(answer.status == -wrongs[answer.id].status, "%s: status %d, should be %d", wrongs[answer.id].what,
                  answer.status, -wrongs[answer.id].status);
        }
    }
    check_equal(answered, (uint64_t{1} << std::size(wrongs)) - 1, "what was answered");
}

void ask_what_is_not_offered(FrontDevice &device, Random & /*random*/) {
    const uint32_t features = device.features();
    ringfold_block_request request{};
    request.operation = RINGFOLD_BLOCK_DISCARD_RANGE;
    request.sector = offer_of(device).sectors / page_sectors * page_sectors;
    request.sectors = page_sectors;
    const bool discards = (features & RINGFOLD_BLOCK_DISCARD) != 0;
    const int32_t refused = is_read_only(device) ? RINGFOLD_EACCES : RINGFOLD_ENOSYS;
    (void)await_answers(device, 0);
    check_equal(static_cast<uint64_t>(ask(device, 0, request)),
                static_cast<uint64_t>(-(discards ? RINGFOLD_ERANGE : refused)), "a discard behind the end");
    request.sectors = uint64_t{offer_of(device).discard_limit} + page_sectors;
    request.sector = 0;
    check_equal(static_cast<uint64_t>(ask(device, 0, request)),
                static_cast<uint64_t>(-(discards ? RINGFOLD_EINVAL : refused)), "a discard that is too long");
    request = transfer(device, 0, RINGFOLD_BLOCK_WRITE, 0, 1, 0);
    request.sector = is_read_only(device) ? 0 : offer_of(device).sectors / page_sectors * page_sectors;
    check_equal(static_cast<uint64_t>(ask(device, 0, request)),
                static_cast<uint64_t>(-(is_read_only(device) ? RINGFOLD_EACCES : RINGFOLD_ERANGE)),
                "a write where none may be");
    request = {};
    request.operation = RINGFOLD_BLOCK_FLUSH_CACHE;
    request.sector = page_sectors;
    const int32_t status = ask(device, 0, request);
    check(status == -RINGFOLD_EINVAL || status == -RINGFOLD_ENOSYS || status == -RINGFOLD_EACCES,
          "a flush of a place: status %d", status);
}

void ask_with_one_number(FrontDevice &device, Random &random) {
    const auto id = static_cast<uint32_t>(random.next());
    (void)await_answers(device, 0);
    for (uint32_t index = 0; index < RINGFOLD_BLOCK_DEPTH; ++index) {
        ringfold_block_request request = transfer(device, 0, RINGFOLD_BLOCK_READ, 0, 1, index % pool_pages(device, 0));
        request.id = id;
        put(device, 0, request);
    }
    tell(device, 0);
    (void)await_answers(device, 0);
    for (uint32_t back = 0; back < RINGFOLD_BLOCK_DEPTH; ++back) {
        const ringfold_block_answer answer = answer_before(device, 0, back);
        check(answer.id == id && answer.status == 0, "id %u status %d, should be %u 0", answer.id, answer.status, id);
    }
}

void change_tables(FrontDevice &device, Random &random) {
    constexpr uint32_t pages = RINGFOLD_BLOCK_INLINE_PAGES + 1;
    (void)await_answers(device, 0);
    for (unsigned turn = 0; turn < 30; ++turn) {
        const ringfold_block_request request = transfer(device, 0, RINGFOLD_BLOCK_READ, 0, pages, 0);
        auto *table = pool_page<volatile uint16_t>(device, 0, pages);
        if (random.below(2) == 0) {
            table[random.below(pages)] = static_cast<uint16_t>(pages);  // its own page is overwritten by what is read
        }
        put(device, 0, request);
        tell(device, 0);
        while (indices(device, 0).answered != asked_of(device, 0) && device.back_state() == RINGFOLD_STATE_CONNECTED) {
            table[random.below(pages)] = static_cast<uint16_t>(random.next());
            device.queue(0).pages.at<volatile uint32_t>(
                page_size)[random.below(RINGFOLD_BLOCK_REQUEST_PAGES * page_size / 4)] =
                static_cast<uint32_t>(random.next());
        }
    }
}

void jump(FrontDevice &device, Random &random) {
    const std::array<uint32_t, 5> jumps{RINGFOLD_BLOCK_DEPTH + 1, ~0U, 1U << 31, ~0U - RINGFOLD_BLOCK_DEPTH,
                                        static_cast<uint32_t>(RINGFOLD_BLOCK_DEPTH + 1 + random.below(1U << 30))};
    for (const uint32_t distance : jumps) {
        const auto number = static_cast<uint32_t>(random.below(device.queue_count()));
        if (!await_answers(device, number)) {
            return;
        }
        asked_of(device, number) += distance;
        tell(device, number);
        check_thrown_out(device, "an index that cannot be right");
        if (!device.connect(device.usual_queues(), device.features())) {
            return;
        }
        begin(device);
    }
}

constexpr Attack attacks[] = {
    {"wrong requests", ask_wrongly},
    {"what is not offered", ask_what_is_not_offered},
    {"one number for all", ask_with_one_number},
    {"tables that change", change_tables},
    {"indices that cannot be right", jump},
};

}  // namespace

void guest_main() {
    static constexpr HostileKind disks{RINGFOLD_DEVICE_BLOCK, begin, use, burden, attacks};
    attack_devices(disks);
}
