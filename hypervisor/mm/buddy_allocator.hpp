// SPDX-License-Identifier: Apache-2.0
//
// A buddy allocator of machine frames. It knows no lock (FrameAllocator adds one) and keeps its books in an array that
// the caller supplies. A free frame is either clean (all bytes zero) or dirty (somebody's data); whoever is handed a
// block gets it clean, whoever gives one back need not clear it.
//
// Small requests are served from the smallest block that fits, so that whole 2 MiB extents stay whole; and from the
// highest zone that has one, so that memory below 4 GiB and below 1 MiB is there for those who can use no other.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/frame_node.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace ringfold {

inline constexpr Order max_order{18};  // 1 GiB
inline constexpr Order extent_order{big_page_shift - page_shift};

struct FrameCounters {
    FrameCount managed;      // ever given to the allocator
    FrameCount free;         // of them: free
    FrameCount dirty;        // of the free ones: not yet scrubbed
    uint64_t allocations;    // blocks handed out
    uint64_t releases;       // blocks taken back
    uint64_t out_of_memory;  // requests that could not be met
    uint64_t refused;        // releases of what was not allocated
};

class BuddyAllocator {
  public:
    constexpr BuddyAllocator() { clear_lists(); }
    BuddyAllocator(const BuddyAllocator &) = delete;
    BuddyAllocator &operator=(const BuddyAllocator &) = delete;

    // `nodes` has an element for each frame from 0 up to the highest that will ever be managed, at most 256 GiB. Call
    // once.
    void initialise(FrameNodes nodes);

    // Takes over frames that nobody uses, with unknown contents. Refuses a range that is not all new to it.
    [[nodiscard]] Result<void> add(MachineFrame first, FrameCount count);

    // A block of zeroed frames, aligned to its size. A big block that is dirty takes its time: 2 MiB some 100 us.
    [[nodiscard]] Result<MachineFrame> allocate(Order order);
    // The same, with every byte below `limit`.
    [[nodiscard]] Result<MachineFrame> allocate_below(Order order, MachineAddress limit);

    // The first half of allocate(): the caller must scrub() the block before it uses or shows it, with or without the
    // lock that guards this object.
    [[nodiscard]] Result<MachineFrame> take(Order order);
    [[nodiscard]] Result<MachineFrame> take_below(Order order, MachineAddress limit);
    // This very block. not_found: not all of it is free; bad_frame: never managed, or not aligned to its size.
    [[nodiscard]] Result<MachineFrame> take_at(MachineFrame first, Order order);
    static void scrub(FrameNodes nodes, MachineFrame first, Order order);
    // At most `budget` frames of it. True: all of it is clean.
    [[nodiscard]] static bool scrub_part(FrameNodes nodes, MachineFrame first, Order order, FrameCount budget);

    // Gives back a block, or an aligned part of one; its contents do not matter and are scrubbed before the next owner
    // sees the frames. Refused without effect: bad_frame for frames never managed, not_found where the frames are not
    // (all of them, as one block) allocated: a double free.
    [[nodiscard]] Result<void> free(MachineFrame first, Order order);
    // The same for a block that the caller knows to be all zeroes: it was never shown to anyone, or was just cleared.
    [[nodiscard]] Result<void> free_clean(MachineFrame first, Order order);
    // Gives back a whole block that was taken and scrubbed in part, if at all, and shown to nobody: what is clean stays
    // so, for whoever takes it next. Errors as free().
    [[nodiscard]] Result<void> put_back(MachineFrame first, Order order);

    // Clears up to `budget` dirty frames and returns how many: work for idle time.
    FrameCount scrub_some(FrameCount budget);

    [[nodiscard]] const FrameCounters &counters() const { return counters_; }
    [[nodiscard]] FrameCount free_frames() const { return counters_.free; }
    [[nodiscard]] uint64_t free_extents() const;  // whole 2 MiB extents that are free

    // Recounts everything from the nodes and compares: for tests and the debug build's audit. Slow.
    [[nodiscard]] bool consistent() const;

  private:
    enum Kind : unsigned { clean, dirty, kinds };  // of free blocks: all frames clean, or at least one dirty
    enum Zone : unsigned { low, below_4g, high, zones };
    static constexpr unsigned orders = max_order.raw() + 1;

    struct Block {
        uint32_t head;
        unsigned order;
    };

    // First frames of the zones, and the end of the last one.
    static constexpr std::array<uint32_t, zones + 1> zone_begin{0, 1U << (20 - page_shift), 1U << (32 - page_shift),
                                                                FrameNode::none};
    [[nodiscard]] static constexpr Zone zone_of(uint32_t frame) {
        return frame < zone_begin[below_4g] ? low : frame < zone_begin[high] ? below_4g : high;
    }
    [[nodiscard]] static constexpr Kind kind_of(uint32_t dirty_frames) { return dirty_frames == 0 ? clean : dirty; }
    [[nodiscard]] uint32_t &list_of(Block block);

    void link(Block block, uint32_t dirty_frames);
    void unlink(Block block);
    [[nodiscard]] std::optional<Block> block_of(uint32_t frame) const;
    [[nodiscard]] std::optional<Block> find_in_zone(unsigned zone, Order order) const;
    [[nodiscard]] std::optional<Block> find_by_address(uint32_t begin, uint32_t end, Order order) const;
    template <typename KeepLower>
    [[nodiscard]] MachineFrame hand_out(Block block, Order order, KeepLower &&keep_lower);
    [[nodiscard]] Result<Block> block_around(MachineFrame first, Order order, BlockState state) const;
    [[nodiscard]] Result<void> release(MachineFrame first, Order order, uint32_t dirty_frames);
    void carve_allocated(Block block, Block part);
    void merge_and_link(Block block, uint32_t dirty_frames);

    struct Recount {
        FrameCount managed;
        FrameCount free;
        FrameCount dirty;
        uint64_t free_blocks = 0;
    };
    [[nodiscard]] std::optional<Recount> recount() const;
    [[nodiscard]] std::optional<uint64_t> listed_blocks() const;

    constexpr void clear_lists() {
        for (auto &zone : lists_) {
            for (auto &kind : zone) {
                kind.fill(FrameNode::none);
            }
        }
    }

    FrameNodes nodes_;
    std::array<std::array<std::array<uint32_t, orders>, kinds>, zones> lists_{};  // heads of the free lists
    FrameCounters counters_{};
};

}  // namespace ringfold
