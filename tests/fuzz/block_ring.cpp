// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: a front end that writes any bytes into the queue of a disk, also while it is served. What the back
// end then does must stay on the disk and in the pool, and it must never serve more than may be unanswered.
#include "split-drivers/block_ring.h"

#include "fuzzed_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

namespace {

constexpr uint32_t pool_pages = 96;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

// What the front end can write at any time.
struct Shared {
    ringfold_block_queue queue;
    std::array<ringfold_block_request, RINGFOLD_BLOCK_DEPTH> requests;
    std::array<uint16_t, RINGFOLD_BLOCK_INDIRECT_PAGES> indirect;
};

// The front end changes what it likes after the check, too.
void serve(Shared &shared, FuzzedBytes &bytes, const ringfold_block_request &request, const block_limits &limits) {
    if (block_check_request(&request, &limits) != 0) {
        return;
    }
    require(request.sector <= limits.sectors && request.sectors <= limits.sectors - request.sector);
    require((limits.features & RINGFOLD_BLOCK_READ_ONLY) == 0 || request.operation == RINGFOLD_BLOCK_READ);
    if (request.operation != RINGFOLD_BLOCK_READ && request.operation != RINGFOLD_BLOCK_WRITE) {
        return;
    }
    require(request.page_count >= 1 && request.page_count <= limits.pages_limit);
    require(request.sectors <= uint64_t{request.page_count} * 8);
    const int32_t indirect = block_indirect_page(&request, &limits);
    require(indirect < static_cast<int32_t>(pool_pages));
    std::array<uint16_t, BLOCK_REQUEST_PAGES_MAX> pages{};
    bytes.scribble(&shared, sizeof shared);
    if (block_copy_pages(&request, shared.indirect.data(), &limits, pages.data()) == 0) {
        require(std::ranges::all_of(std::span{pages}.first(request.page_count),
                                    [](uint16_t page) { return page < pool_pages; }));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, std::size_t size) {
    FuzzedBytes bytes(std::span{data, size});
    alignas(4096) static Shared shared;
    shared = {};
    block_back_ring ring{};
    ring.queue = &shared.queue;
    ring.requests = shared.requests.data();
    block_limits limits{};
    limits.sectors = bytes.number(2);
    limits.logical_block = 512U << (bytes.number(1) % 4);
    limits.features = bytes.number(1) % 16;
    limits.pages_limit = 48;
    limits.pool_pages = pool_pages;
    limits.discard_limit = 1U << 16;
    limits.write_zeroes_limit = 1U << 8;
    while (bytes.left()) {
        ringfold_block_request request{};
        switch (bytes.number(1) % 4) {
            case 0:
            case 1:
                bytes.scribble(&shared, sizeof shared);
                break;
            case 2:
                if (block_back_take(&ring, &request) == BLOCK_TAKEN) {
                    serve(shared, bytes, request, limits);
                }
                break;
            default:
                if (ring.answered != ring.taken) {
                    block_back_put(&ring, request.id, 0);
                    (void)block_back_tell(&ring);
                }
        }
        require(ring.taken - ring.answered <= RINGFOLD_BLOCK_DEPTH);
    }
    return 0;
}
