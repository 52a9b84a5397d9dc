// SPDX-License-Identifier: Apache-2.0
//
// A page-table entry as a value. Bits as in Intel SDM volume 3A, section 4.5 ("4-Level Paging and 5-Level Paging").
#pragma once

#include "hypervisor/lib/units.hpp"

#include <ringfold/page_table.h>

#include <atomic>
#include <cstdint>

namespace ringfold {

enum class Level : uint8_t { l1 = 1, l2, l3, l4 };

[[nodiscard]] constexpr Level below(Level level) { return static_cast<Level>(static_cast<uint8_t>(level) - 1); }

class Entry {
  public:
    constexpr Entry() = default;
    constexpr explicit Entry(uint64_t word) : word_(word) {}
    constexpr Entry(MachineFrame frame, uint64_t flags) : word_(frame.raw() << page_shift | flags) {}

    [[nodiscard]] constexpr uint64_t raw() const { return word_; }
    [[nodiscard]] constexpr bool has(uint64_t flags) const { return (word_ & flags) != 0; }
    [[nodiscard]] constexpr bool present() const { return has(RINGFOLD_ENTRY_PRESENT); }
    [[nodiscard]] constexpr bool writable() const { return has(RINGFOLD_ENTRY_WRITABLE); }
    // What the processor reads as a frame number: bits 12..51.
    [[nodiscard]] constexpr MachineFrame frame() const {
        return MachineFrame{(word_ & RINGFOLD_ENTRY_FRAME_MASK) >> page_shift};
    }
    // Does it end the walk (if present)? PS at L2; L1 entries always.
    [[nodiscard]] constexpr bool is_leaf(Level level) const {
        return level == Level::l1 || (level == Level::l2 && has(RINGFOLD_ENTRY_BIG));
    }
    [[nodiscard]] constexpr bool is_big_leaf(Level level) const { return level == Level::l2 && is_leaf(level); }
    constexpr bool operator==(const Entry &) const = default;

  private:
    uint64_t word_ = 0;
};

inline constexpr uint64_t accessed_dirty = RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY;
// Of no present entry: global, and bits 59..62 (protection keys, and reserved).
inline constexpr uint64_t never_set = RINGFOLD_ENTRY_GLOBAL | 0x7800'0000'0000'0000;
// Of 4 KiB leaves: what makes the caching attribute other than write-back.
inline constexpr uint64_t leaf_caching =
    RINGFOLD_ENTRY_WRITE_THROUGH | RINGFOLD_ENTRY_CACHE_DISABLE | RINGFOLD_ENTRY_BIG;

// An entry of a table that processors may be walking: read, and replaced, by one 64-bit access each. Hardware sets
// accessed and dirty bits in it at any time (SDM volume 3A, section 4.8); nobody else writes without the lock.
class LiveEntry {
  public:
    explicit LiveEntry(uint64_t *word) : word_(*word) {}

    [[nodiscard]] Entry read() const { return Entry{word_.load(std::memory_order_relaxed)}; }
    // A locked exchange: visible to every walker before the stamp of what it removed is read (flush_clock.hpp).
    Entry replace(Entry entry) { return Entry{word_.exchange(entry.raw(), std::memory_order_seq_cst)}; }
    // Success: hardware set no bit since `expected` was read. Failure: `expected` is the newer one.
    [[nodiscard]] bool replace_if(Entry &expected, Entry entry) {
        uint64_t old = expected.raw();
        const bool done = word_.compare_exchange_strong(old, entry.raw(), std::memory_order_seq_cst);
        expected = Entry{old};
        return done;
    }

  private:
    std::atomic_ref<uint64_t> word_;
};

}  // namespace ringfold
