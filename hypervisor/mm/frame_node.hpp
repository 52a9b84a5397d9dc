// SPDX-License-Identifier: Apache-2.0
//
// What the buddy allocator remembers about each machine frame, in an array of its own: a free frame's bytes are never
// read or written for bookkeeping, so no stray write into free memory can mislead the allocator.
//
// Memory is cut into blocks of 2^order frames, aligned to their size; the node of a block's first frame (its head) says
// whether the block is free or allocated. How many frames of a block still hold somebody's data is kept as a tree that
// costs no memory of its own: frame i, with k zero bits at the end, is the first frame of the *upper half* of exactly
// one aligned block of order k + 1, so its `dirty` can hold that half's count while the two halves are one block:
//
//      order 2        [ 0    1    2    3 ]      node 0: the whole block's count (it is the head)
//      order 1        [ 0    1 ][ 2    3 ]      node 2: the count of {2, 3};    {0, 1} = whole - {2, 3}
//      order 0        [ 0 ][ 1 ][ 2 ][ 3 ]      node 1: the count of {1}; node 3: the count of {3}
//
// A count of nothing or of everything says all about its halves, and what their nodes hold then means nothing: so a
// whole block turns dirty or clean by one store.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <span>

namespace ringfold {

enum class BlockState : uint8_t {
    unmanaged,  // never given to the allocator: a hole, a device, or memory reserved at boot
    interior,   // inside a block, not its first frame
    free,       // first frame of a free block
    allocated,  // first frame of a block that was handed out
};

struct FrameNode {
    static constexpr uint32_t none = ~uint32_t{0};

    uint32_t next;      // free: neighbours in the free list, by frame number
    uint32_t previous;  // free
    uint32_t dirty;     // dirty frames of the block, or of the upper half that starts here (see above)
    uint8_t order;      // head: of the block
    BlockState state;
    uint16_t reserved;
};
static_assert(sizeof(FrameNode) == 16);

using FrameNodes = std::span<FrameNode>;  // by frame number

struct DirtyHalves {
    uint32_t lower;
    uint32_t upper;
};

// Splits the count of the block of `order` (1 or more) at `head` into those of its halves.
[[nodiscard]] DirtyHalves dirty_halves(FrameNodes nodes, uint32_t head, unsigned order, uint32_t dirty);

// Clears dirty frames of the block at `head`, which has `dirty` of them, and takes each from `budget` until either is
// used up. Returns how many are left dirty. Touches only this block's nodes but the head, so the owner of a block may
// call it without the allocator's lock.
[[nodiscard]] uint32_t scrub_block(FrameNodes nodes, uint32_t head, unsigned order, uint32_t dirty, uint64_t &budget);

}  // namespace ringfold
