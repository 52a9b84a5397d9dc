// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/frame_allocator.hpp"

#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

namespace {

constinit Locked<BuddyAllocator, LockRank::frame_allocator> frames;

// The books themselves, for scrubbing without the lock: the nodes of an allocated block are its owner's to touch.
// Written once, before there is a second CPU.
constinit FrameNodes nodes;

Result<MachineFrame> scrubbed(Result<MachineFrame> block, Order order) {
    if (block.ok()) {
        BuddyAllocator::scrub(nodes, block.value(), order);
    }
    return block;
}

Result<MachineFrame> scrubbed_by_parts(Result<MachineFrame> block, Order order) {
    constexpr FrameCount between_checks{16};  // some 3 us on a processor
    while (block.ok() && !BuddyAllocator::scrub_part(nodes, block.value(), order, between_checks)) {
        if (machine::preemption_due()) {
            invariant(frames.lock()->put_back(block.value(), order).ok(), "a block that was just taken is allocated");
            return Error::again;
        }
    }
    return block;
}

}  // namespace

void initialise_frame_allocator(FrameNodes storage) {
    nodes = storage;
    frames.lock()->initialise(storage);
}

Result<void> add_frames(MachineFrame first, FrameCount count) { return frames.lock()->add(first, count); }

Result<MachineFrame> allocate_frames(Order order) {
    auto block = frames.lock()->take(order);  // the lock is free again at the end of this statement
    return scrubbed(std::move(block), order);
}

Result<MachineFrame> allocate_frames_below(Order order, MachineAddress limit) {
    auto block = frames.lock()->take_below(order, limit);
    return scrubbed(std::move(block), order);
}

Result<MachineFrame> allocate_uncleared_frames_below(Order order, MachineAddress limit) {
    return frames.lock()->take_below(order, limit);
}

Result<MachineFrame> allocate_frames_by_parts(Order order) {
    auto block = frames.lock()->take(order);
    return scrubbed_by_parts(std::move(block), order);
}

Result<MachineFrame> allocate_frames_below_by_parts(Order order, MachineAddress limit) {
    auto block = frames.lock()->take_below(order, limit);
    return scrubbed_by_parts(std::move(block), order);
}

void free_frames(MachineFrame first, Order order) {
    invariant(frames.lock()->free(first, order).ok(), "frames were freed that are not allocated");
}

void free_clean_frames(MachineFrame first, Order order) {
    invariant(frames.lock()->free_clean(first, order).ok(), "clean frames were freed that are not allocated");
}

FrameCount scrub_frames(FrameCount budget) { return frames.lock()->scrub_some(budget); }

FrameCounters frame_counters() { return frames.lock()->counters(); }

FrameCount free_frame_count() { return frames.lock()->free_frames(); }

bool frame_allocator_is_consistent() { return frames.lock()->consistent(); }

}  // namespace ringfold
