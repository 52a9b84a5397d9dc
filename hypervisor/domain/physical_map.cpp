// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/physical_map.hpp"

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/mm/assignment.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/mm/machine_to_physical.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace ringfold {

namespace {

constexpr MachineAddress four_gibibytes{uint64_t{4} << 30};
constexpr MachineAddress no_limit{virtual_map::highest_machine_address};

struct Block {
    MachineFrame first;
    Order order;
};

// A block of zeroed frames for at most `left`: a whole extent while one can be had.
Result<Block> allocate_block(FrameCount left) {
    if (left >= extent_order.frames()) {
        const Result<MachineFrame> extent = allocate_frames(extent_order);
        if (extent.ok()) {
            return Block{.first = extent.value(), .order = extent_order};
        }
    }
    return Block{.first = TRY(allocate_frames(Order{0})), .order = Order{0}};
}

// The biggest block for at most `left`, of whole extents, that there is where 32 bits reach; anywhere otherwise. It is
// not cleared.
Result<Block> allocate_big_block(FrameCount left) {
    const auto fitting = static_cast<unsigned>(std::bit_width(left.raw()) - 1);
    for (unsigned order = std::min(fitting, max_order.raw()); order >= extent_order.raw(); --order) {
        for (const MachineAddress limit : {four_gibibytes, no_limit}) {
            const Result<MachineFrame> first = allocate_uncleared_frames_below(Order{order}, limit);
            if (first.ok()) {
                return Block{.first = first.value(), .order = Order{order}};
            }
        }
    }
    return Error::out_of_memory;
}

Result<void> assign_block(Domain &domain, const Block &block) {
    const Result<void> assigned = assign_frames(domain.memory, block.first, block.order.frames());
    if (!assigned.ok()) {
        free_frames(block.first, block.order);
    }
    return assigned.ok() ? Result<void>{} : Result<void>{assigned.error()};
}

}  // namespace

PhysicalMap::PhysicalMap(PhysicalMap &&other) noexcept
    : ranges_(other.ranges_),
      first_frame_(other.first_frame_),
      contiguous_(other.contiguous_),
      holds_words_(std::exchange(other.holds_words_, false)),
      words_frame_(other.words_frame_),
      words_order_(other.words_order_) {}

PhysicalMap::~PhysicalMap() {
    if (holds_words_) {
        free_frames(words_frame_, words_order_);
    }
}

uint64_t *PhysicalMap::words() const { return pointer_to<uint64_t>(words_frame_); }

FrameCount PhysicalMap::memory() const {
    FrameCount sum{0};
    for (const ringfold_memory_range &range : ranges()) {
        sum += FrameCount{range.count};
    }
    return sum;
}

std::span<const uint64_t> PhysicalMap::physical_to_machine() const {
    return is_identity() ? std::span<const uint64_t>{} : std::span<const uint64_t>{words(), contiguous_.raw()};
}

Result<void> PhysicalMap::allocate_words(FrameCount memory) {
    const FrameCount frames = FrameCount::holding(std::max<uint64_t>(memory.raw(), 1) * sizeof(uint64_t));
    words_order_ = Order{static_cast<unsigned>(std::bit_width(frames.raw() - 1))};
    words_frame_ = TRY(allocate_frames(words_order_));
    holds_words_ = true;
    return {};
}

Result<PhysicalMap> PhysicalMap::scattered(Domain &domain, FrameCount memory) {
    PhysicalMap map;
    TRY(map.allocate_words(memory));
    for (GuestFrame next{0}; next < GuestFrame{memory.raw()};) {
        const Block block = TRY(allocate_block(GuestFrame{memory.raw()} - next));
        TRY(assign_block(domain, block));
        for (FrameCount frame{0}; frame < block.order.frames(); frame += FrameCount{1}) {
            map.words()[(next + frame).raw()] = (block.first + frame).raw();
            machine_to_physical::set(block.first + frame, next + frame);
        }
        next += block.order.frames();
    }
    map.contiguous_ = memory;
    const bool noted = map.ranges_.append({.first = 0, .count = memory.raw()});
    invariant(noted, "a new list has room");
    return map;
}

// Beside the range that it continues, or as a range of its own; ranges stay in ascending order.
Result<void> PhysicalMap::add_range(MachineFrame first, FrameCount count) {
    BoundedList<ringfold_memory_range, RINGFOLD_START_RANGES> sorted;
    ringfold_memory_range added{.first = first.raw(), .count = count.raw()};
    bool complete = true;
    for (const ringfold_memory_range &range : ranges()) {
        if (range.first + range.count == added.first) {
            added = {.first = range.first, .count = range.count + added.count};
        } else if (added.first + added.count == range.first) {
            added.count += range.count;
        } else if (range.first > added.first) {
            complete &= sorted.append(std::exchange(added, range));
        } else {
            complete &= sorted.append(range);
        }
    }
    complete &= sorted.append(added);
    if (!complete) {
        return Error::limit_reached;
    }
    ranges_ = sorted;
    return {};
}

Result<PhysicalMap> PhysicalMap::identical(Domain &domain, FrameCount memory) {
    PhysicalMap map;
    FrameCount left{align_up(memory.raw(), frames_per_extent)};
    while (left > FrameCount{0}) {
        const Block block = TRY(allocate_big_block(left));
        const FrameCount count = block.order.frames();
        TRY(assign_block(domain, block));
        for (MachineFrame frame = block.first; frame < block.first + count; ++frame) {
            machine_to_physical::set(frame, GuestFrame{frame.raw()});
        }
        TRY(map.add_range(block.first, count));
        // The builder's own part is the biggest block: it is aligned to its size, so it crosses no GiB.
        if (count > map.contiguous_) {
            map.contiguous_ = count;
            map.first_frame_ = GuestFrame{block.first.raw()};
        }
        left -= count;
    }
    return map;
}

}  // namespace ringfold
