// SPDX-License-Identifier: Apache-2.0
//
// The recount of the buddy allocator's books, from the nodes alone.
#include "hypervisor/mm/buddy_allocator.hpp"

#include <algorithm>

namespace ringfold {

// Walks memory block by block: blocks must be aligned, disjoint, and headless inside.
std::optional<BuddyAllocator::Recount> BuddyAllocator::recount() const {
    Recount count;
    for (uint64_t frame = 0; frame < nodes_.size();) {
        const FrameNode &node = nodes_[frame];
        if (node.state == BlockState::unmanaged) {
            ++frame;
            continue;
        }
        const uint64_t size = uint64_t{1} << node.order;
        if (node.state == BlockState::interior || frame % size != 0 || size > nodes_.size() - frame) {
            return std::nullopt;
        }
        const auto inside = nodes_.subspan(frame + 1, size - 1);
        const auto is_interior = [](const FrameNode &other) { return other.state == BlockState::interior; };
        if (!std::all_of(inside.begin(), inside.end(), is_interior)) {
            return std::nullopt;
        }
        count.managed += FrameCount{size};
        if (node.state == BlockState::free) {
            if (node.dirty > size) {
                return std::nullopt;
            }
            count.free += FrameCount{size};
            count.dirty += FrameCount{node.dirty};
            ++count.free_blocks;
        }
        frame += size;
    }
    return count;
}

// Walks the free lists: each must hold free blocks of its zone, kind and order, linked both ways.
std::optional<uint64_t> BuddyAllocator::listed_blocks() const {
    uint64_t blocks = 0;
    for (unsigned zone = 0; zone < zones; ++zone) {
        for (unsigned kind = 0; kind < kinds; ++kind) {
            for (unsigned order = 0; order < orders; ++order) {
                uint32_t previous = FrameNode::none;
                for (uint32_t head = lists_[zone][kind][order]; head != FrameNode::none; head = nodes_[head].next) {
                    const FrameNode &node = nodes_[head];
                    if (node.state != BlockState::free || node.order != order || node.previous != previous ||
                        zone_of(head) != zone || kind_of(node.dirty) != kind) {
                        return std::nullopt;
                    }
                    previous = head;
                    ++blocks;
                }
            }
        }
    }
    return blocks;
}

bool BuddyAllocator::consistent() const {
    const auto found = recount();
    return found && listed_blocks() == found->free_blocks && found->managed == counters_.managed &&
           found->free == counters_.free && found->dirty == counters_.dirty;
}

}  // namespace ringfold
