// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/buddy_allocator.hpp"

#include <algorithm>
#include <bit>

namespace ringfold {

namespace {

constexpr uint32_t frames_in(unsigned order) { return uint32_t{1} << order; }
constexpr uint32_t head_at(uint32_t frame, unsigned order) { return frame & ~(frames_in(order) - 1); }

}  // namespace

void BuddyAllocator::initialise(FrameNodes nodes) {
    nodes_ = nodes;
    std::fill(nodes_.begin(), nodes_.end(),
              FrameNode{FrameNode::none, FrameNode::none, 0, 0, BlockState::unmanaged, 0});
    clear_lists();
    counters_ = {};
}

Result<void> BuddyAllocator::add(MachineFrame first, FrameCount count) {
    if (first.raw() > nodes_.size() || count.raw() > nodes_.size() - first.raw()) {
        return Error::out_of_range;
    }
    const FrameNodes range = nodes_.subspan(first.raw(), count.raw());
    const auto is_new = [](const FrameNode &node) { return node.state == BlockState::unmanaged; };
    if (!std::all_of(range.begin(), range.end(), is_new)) {
        return Error::already_exists;
    }
    for (FrameNode &node : range) {
        node.state = BlockState::interior;
    }
    counters_.managed += count;
    auto frame = static_cast<uint32_t>(first.raw());
    const auto end = static_cast<uint32_t>(first.raw() + count.raw());
    while (frame < end) {  // by the largest blocks that alignment and the rest allow
        const auto aligned = static_cast<unsigned>(std::countr_zero(frame));
        const auto fitting = static_cast<unsigned>(std::bit_width(end - frame)) - 1;
        unsigned order = std::min({aligned, fitting, max_order.raw()});
        while (zone_of(frame) != zone_of(frame + frames_in(order) - 1)) {
            --order;
        }
        merge_and_link({frame, order}, frames_in(order));
        frame += frames_in(order);
    }
    return {};
}

Result<MachineFrame> BuddyAllocator::allocate(Order order) {
    const MachineFrame first = TRY(take(order));
    scrub(nodes_, first, order);
    return first;
}

Result<MachineFrame> BuddyAllocator::allocate_below(Order order, MachineAddress limit) {
    const MachineFrame first = TRY(take_below(order, limit));
    scrub(nodes_, first, order);
    return first;
}

Result<MachineFrame> BuddyAllocator::take(Order order) {
    if (order > max_order) {
        return Error::out_of_range;
    }
    for (unsigned zone = zones; zone-- > 0;) {
        if (const auto block = find_in_zone(zone, order)) {
            return hand_out(*block, order,
                            [](uint32_t, const DirtyHalves &halves) { return halves.lower <= halves.upper; });
        }
    }
    ++counters_.out_of_memory;
    return Error::out_of_memory;
}

Result<MachineFrame> BuddyAllocator::take_below(Order order, MachineAddress limit) {
    if (order > max_order) {
        return Error::out_of_range;
    }
    const auto end = static_cast<uint32_t>(std::min(limit.raw() >> page_shift, uint64_t{nodes_.size()}));
    for (unsigned zone = zones; zone-- > 0;) {
        if (zone_begin[zone] >= end) {
            continue;
        }
        const bool whole_zone = end == nodes_.size() || zone_begin[zone + 1] <= end;
        const auto block = whole_zone ? find_in_zone(zone, order) : find_by_address(zone_begin[zone], end, order);
        if (block) {
            return hand_out(*block, order, [](uint32_t, const DirtyHalves &) { return true; });
        }
    }
    ++counters_.out_of_memory;
    return Error::out_of_memory;
}

Result<MachineFrame> BuddyAllocator::take_at(MachineFrame first, Order order) {
    const Block block = TRY(block_around(first, order, BlockState::free));
    return hand_out(block, order, [first](uint32_t middle, const DirtyHalves &) { return first.raw() < middle; });
}

void BuddyAllocator::scrub(FrameNodes nodes, MachineFrame first, Order order) {
    static_cast<void>(scrub_part(nodes, first, order, order.frames()));
}

bool BuddyAllocator::scrub_part(FrameNodes nodes, MachineFrame first, Order order, FrameCount budget) {
    const auto head = static_cast<uint32_t>(first.raw());
    uint64_t left = budget.raw();
    nodes[head].dirty = scrub_block(nodes, head, order.raw(), nodes[head].dirty, left);
    return nodes[head].dirty == 0;
}

Result<void> BuddyAllocator::free(MachineFrame first, Order order) {
    return release(first, order, frames_in(std::min(order, max_order).raw()));
}

Result<void> BuddyAllocator::free_clean(MachineFrame first, Order order) { return release(first, order, 0); }

Result<void> BuddyAllocator::put_back(MachineFrame first, Order order) {
    const auto block = block_around(first, order, BlockState::allocated);
    if (!block.ok() || block.value().order != order.raw()) {
        ++counters_.refused;
        return block.ok() ? Error::not_found : block.error();
    }
    return release(first, order, nodes_[first.raw()].dirty);
}

FrameCount BuddyAllocator::scrub_some(FrameCount budget) {
    uint64_t left = budget.raw();
    for (unsigned zone = zones; zone-- > 0;) {
        for (unsigned order = 0; order < orders; ++order) {
            while (left > 0 && lists_[zone][dirty][order] != FrameNode::none) {
                const Block block{lists_[zone][dirty][order], order};
                const uint32_t before = nodes_[block.head].dirty;
                unlink(block);
                link(block, scrub_block(nodes_, block.head, order, before, left));
            }
        }
    }
    return budget - FrameCount{left};
}

uint64_t BuddyAllocator::free_extents() const {
    uint64_t extents = 0;
    for (const auto &zone : lists_) {
        for (const auto &kind : zone) {
            for (unsigned order = extent_order.raw(); order < orders; ++order) {
                for (uint32_t head = kind[order]; head != FrameNode::none; head = nodes_[head].next) {
                    extents += frames_in(order - extent_order.raw());
                }
            }
        }
    }
    return extents;
}

uint32_t &BuddyAllocator::list_of(Block block) {
    return lists_[zone_of(block.head)][kind_of(nodes_[block.head].dirty)][block.order];
}

void BuddyAllocator::link(Block block, uint32_t dirty_frames) {
    FrameNode &node = nodes_[block.head];
    node.dirty = dirty_frames;
    node.order = static_cast<uint8_t>(block.order);
    node.state = BlockState::free;
    uint32_t &list = list_of(block);
    node.previous = FrameNode::none;
    node.next = list;
    if (list != FrameNode::none) {
        nodes_[list].previous = block.head;
    }
    list = block.head;
    counters_.free += FrameCount{frames_in(block.order)};
    counters_.dirty += FrameCount{dirty_frames};
}

// Leaves the head's count of dirty frames in place: it is still true.
void BuddyAllocator::unlink(Block block) {
    FrameNode &node = nodes_[block.head];
    if (node.next != FrameNode::none) {
        nodes_[node.next].previous = node.previous;
    }
    if (node.previous != FrameNode::none) {
        nodes_[node.previous].next = node.next;
    } else {
        list_of(block) = node.next;
    }
    node.next = FrameNode::none;
    node.previous = FrameNode::none;
    node.state = BlockState::interior;
    counters_.free -= FrameCount{frames_in(block.order)};
    counters_.dirty -= FrameCount{node.dirty};
}

// Blocks do not overlap, so of the 19 frames that could be the head of `frame`'s block exactly one is.
std::optional<BuddyAllocator::Block> BuddyAllocator::block_of(uint32_t frame) const {
    for (unsigned order = 0; order < orders; ++order) {
        const FrameNode &node = nodes_[head_at(frame, order)];
        if (node.state != BlockState::interior && node.state != BlockState::unmanaged && node.order >= order) {
            return Block{head_at(frame, order), node.order};
        }
    }
    return std::nullopt;
}

std::optional<BuddyAllocator::Block> BuddyAllocator::find_in_zone(unsigned zone, Order order) const {
    for (unsigned candidate = order.raw(); candidate < orders; ++candidate) {
        for (const auto &kind : lists_[zone]) {
            if (kind[candidate] != FrameNode::none) {
                return Block{kind[candidate], candidate};
            }
        }
    }
    return std::nullopt;
}

// The smallest free block that reaches far enough below `end`, in steps of blocks: the cost is bounded by `end`.
std::optional<BuddyAllocator::Block> BuddyAllocator::find_by_address(uint32_t begin, uint32_t end, Order order) const {
    std::optional<Block> best;
    for (uint32_t frame = begin; frame < end && end - frame >= frames_in(order.raw());) {
        const FrameNode &node = nodes_[frame];
        if (node.state == BlockState::unmanaged) {
            ++frame;
            continue;
        }
        if (node.state == BlockState::free && node.order >= order.raw() && (!best || node.order < best->order)) {
            best = Block{frame, node.order};
        }
        frame += frames_in(node.order);
    }
    return best;
}

// Splits a free block down to `order`. Which half to keep: keep_lower(middle, halves) says.
template <typename KeepLower>
MachineFrame BuddyAllocator::hand_out(Block block, Order order, KeepLower &&keep_lower) {
    unlink(block);
    uint32_t dirty_frames = nodes_[block.head].dirty;
    while (block.order > order.raw()) {
        const DirtyHalves halves = dirty_halves(nodes_, block.head, block.order, dirty_frames);
        --block.order;
        const uint32_t middle = block.head + frames_in(block.order);
        const bool lower = keep_lower(middle, halves);
        link({lower ? middle : block.head, block.order}, lower ? halves.upper : halves.lower);
        block.head = lower ? block.head : middle;
        dirty_frames = lower ? halves.lower : halves.upper;
    }
    FrameNode &node = nodes_[block.head];
    node.dirty = dirty_frames;
    node.order = static_cast<uint8_t>(block.order);
    node.state = BlockState::allocated;
    ++counters_.allocations;
    return MachineFrame{block.head};
}

// The block in that state that [first, first + 2^order) is, or is part of.
Result<BuddyAllocator::Block> BuddyAllocator::block_around(MachineFrame first, Order order, BlockState state) const {
    if (order > max_order || first.raw() >= nodes_.size() || first.raw() % order.frames().raw() != 0) {
        return Error::bad_frame;
    }
    const auto head = static_cast<uint32_t>(first.raw());
    if (nodes_[head].state == BlockState::unmanaged) {
        return Error::bad_frame;
    }
    const auto block = block_of(head);
    if (!block || nodes_[block->head].state != state || block->order < order.raw()) {
        return Error::not_found;
    }
    return *block;
}

Result<void> BuddyAllocator::release(MachineFrame first, Order order, uint32_t dirty_frames) {
    const auto block = block_around(first, order, BlockState::allocated);
    if (!block.ok()) {
        ++counters_.refused;
        return block.error();
    }
    const Block part{static_cast<uint32_t>(first.raw()), order.raw()};
    carve_allocated(block.value(), part);
    merge_and_link(part, dirty_frames);
    ++counters_.releases;
    return {};
}

// Makes everything of an allocated block but `part` allocated blocks of their own.
void BuddyAllocator::carve_allocated(Block block, Block part) {
    while (block.order > part.order) {
        --block.order;
        const uint32_t middle = block.head + frames_in(block.order);
        const bool in_lower = part.head < middle;
        FrameNode &other = nodes_[in_lower ? middle : block.head];
        other.order = static_cast<uint8_t>(block.order);
        other.state = BlockState::allocated;
        other.dirty = 0;
        block.head = in_lower ? block.head : middle;
    }
    nodes_[part.head].state = BlockState::interior;
}

// Makes a block free, as part of the largest free block that it completes. Zones are never joined.
void BuddyAllocator::merge_and_link(Block block, uint32_t dirty_frames) {
    while (block.order < max_order.raw()) {
        const uint32_t buddy = block.head ^ frames_in(block.order);
        if (buddy >= nodes_.size() || zone_of(buddy) != zone_of(block.head)) {
            break;
        }
        const FrameNode &node = nodes_[buddy];
        if (node.state != BlockState::free || node.order != block.order) {
            break;
        }
        unlink({buddy, block.order});
        const uint32_t buddy_dirty = nodes_[buddy].dirty;
        nodes_[std::max(buddy, block.head)].dirty = buddy > block.head ? buddy_dirty : dirty_frames;
        dirty_frames += buddy_dirty;
        block = {std::min(buddy, block.head), block.order + 1};
    }
    link(block, dirty_frames);
}

}  // namespace ringfold
