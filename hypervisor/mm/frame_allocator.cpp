// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/frame_allocator.hpp"

#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <algorithm>

namespace ringfold {

namespace {

struct FrameStore {
    BuddyAllocator blocks;
    FrameCount claimed;  // of the free frames, by all claims together

    // How much of a block would be what the claim set aside: the rest must be nobody's. Whether there is such a block
    // at all is the allocator's to say.
    [[nodiscard]] Result<FrameCount> part_of(const FrameClaim *claim, Order order) const {
        if (order > max_order) {
            return Error::out_of_range;
        }
        const FrameCount own = claim == nullptr ? FrameCount{} : claim->count;
        const FrameCount part = std::min(own, order.frames());
        const bool takes_of_others = claimed > own && order.frames() - part > blocks.free_frames() - claimed;
        return takes_of_others ? Result<FrameCount>{Error::out_of_memory} : part;
    }
    // It was taken, or put back: so much of it as was, or is again, set aside for the claim.
    void use(FrameClaim &claim, FrameCount part) {
        claim.count -= part;
        claimed -= part;
    }
    void restore(FrameClaim &claim, FrameCount part) {
        const FrameCount open = claim.is_closed ? FrameCount{} : part;
        claim.count += open;
        claimed += open;
    }
};

constinit Locked<FrameStore, LockRank::frame_allocator> frames;

// The books themselves, for scrubbing without the lock: the nodes of an allocated block are its owner's to touch.
// Written once, before there is a second CPU.
constinit FrameNodes nodes;

Result<MachineFrame> scrubbed(Result<MachineFrame> block, Order order) {
    if (block.ok()) {
        BuddyAllocator::scrub(nodes, block.value(), order);
    }
    return block;
}

// Calls take(blocks) for a block, which for nobody's sake may come out of what others have claimed.
template <typename Take>
Result<MachineFrame> take_unclaimed(Order order, Take &&take) {
    auto store = frames.lock();
    TRY(store->part_of(nullptr, order));
    return take(store->blocks);
}

void put_back(MachineFrame first, Order order, FrameClaim *claim, FrameCount part) {
    auto store = frames.lock();
    invariant(store->blocks.put_back(first, order).ok(), "a block that was just taken is allocated");
    if (claim != nullptr) {
        store->restore(*claim, part);
    }
}

// `part` of the block was the claim's.
Result<MachineFrame> scrubbed_by_parts(MachineFrame block, Order order, FrameClaim *claim, FrameCount part) {
    constexpr FrameCount between_checks{16};  // some 3 us on a processor
    while (!BuddyAllocator::scrub_part(nodes, block, order, between_checks)) {
        if (machine::preemption_due()) {
            put_back(block, order, claim, part);
            return Error::again;
        }
    }
    return block;
}

struct ClaimedBlock {
    MachineFrame first;
    FrameCount part;
};

template <typename Take>
Result<ClaimedBlock> take_claimed(Order order, FrameClaim &claim, Take &&take) {
    auto store = frames.lock();
    const FrameCount part = TRY(store->part_of(&claim, order));
    const MachineFrame first = TRY(take(store->blocks));
    store->use(claim, part);
    return ClaimedBlock{.first = first, .part = part};
}

template <typename Take>
Result<MachineFrame> allocate_claimed(Order order, FrameClaim &claim, Take &&take) {
    const ClaimedBlock block = TRY(take_claimed(order, claim, take));
    return scrubbed_by_parts(block.first, order, &claim, block.part);
}

}  // namespace

void initialise_frame_allocator(FrameNodes storage) {
    nodes = storage;
    auto store = frames.lock();
    store->blocks.initialise(storage);
    store->claimed = FrameCount{};
}

Result<void> add_frames(MachineFrame first, FrameCount count) { return frames.lock()->blocks.add(first, count); }

Result<MachineFrame> allocate_frames(Order order) {
    auto block = take_unclaimed(order, [order](BuddyAllocator &blocks) { return blocks.take(order); });
    return scrubbed(std::move(block), order);
}

Result<MachineFrame> allocate_frames_below(Order order, MachineAddress limit) {
    return scrubbed(allocate_uncleared_frames_below(order, limit), order);
}

Result<MachineFrame> allocate_uncleared_frames_below(Order order, MachineAddress limit) {
    return take_unclaimed(order, [=](BuddyAllocator &blocks) { return blocks.take_below(order, limit); });
}

Result<MachineFrame> allocate_frames_by_parts(Order order) {
    const MachineFrame block =
        TRY(take_unclaimed(order, [order](BuddyAllocator &blocks) { return blocks.take(order); }));
    return scrubbed_by_parts(block, order, nullptr, FrameCount{});
}

Result<MachineFrame> allocate_frames_by_parts(Order order, FrameClaim &claim) {
    return allocate_claimed(order, claim, [order](BuddyAllocator &blocks) { return blocks.take(order); });
}

Result<MachineFrame> allocate_frames_at_by_parts(MachineFrame first, Order order, FrameClaim &claim) {
    return allocate_claimed(order, claim, [=](BuddyAllocator &blocks) { return blocks.take_at(first, order); });
}

Result<MachineFrame> allocate_frames_below_by_parts(Order order, MachineAddress limit) {
    const MachineFrame block = TRY(allocate_uncleared_frames_below(order, limit));
    return scrubbed_by_parts(block, order, nullptr, FrameCount{});
}

Result<void> claim_frames(FrameClaim &claim, FrameCount count) {
    auto store = frames.lock();
    if (claim.is_closed) {
        return Error::busy;
    }
    const FrameCount others = store->claimed - claim.count;
    if (count > store->blocks.free_frames() - others) {
        return Error::out_of_memory;
    }
    store->claimed = others + count;
    claim.count = count;
    return {};
}

void close_claim(FrameClaim &claim) {
    auto store = frames.lock();
    store->use(claim, claim.count);
    claim.is_closed = true;
}

void free_frames(MachineFrame first, Order order) {
    invariant(frames.lock()->blocks.free(first, order).ok(), "frames were freed that are not allocated");
}

void free_clean_frames(MachineFrame first, Order order) {
    invariant(frames.lock()->blocks.free_clean(first, order).ok(), "clean frames were freed that are not allocated");
}

FrameCount scrub_frames(FrameCount budget) { return frames.lock()->blocks.scrub_some(budget); }

FrameCounters frame_counters() { return frames.lock()->blocks.counters(); }

FrameCount free_frame_count() {
    const auto store = frames.lock();
    return store->blocks.free_frames() - store->claimed;
}

FrameCount claimed_frame_count() { return frames.lock()->claimed; }

bool frame_allocator_is_consistent() {
    const auto store = frames.lock();
    return store->blocks.consistent() && store->claimed <= store->blocks.free_frames();
}

}  // namespace ringfold
