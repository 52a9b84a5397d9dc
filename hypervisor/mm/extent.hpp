// SPDX-License-Identifier: Apache-2.0
//
// The accounting of one aligned 2 MiB extent: what big (2 MiB) mappings and page tables exclude of each other, decided
// by one compare-exchange on one word.
//
//    63        48 47      38 37      36       18 17          0
//   +------------+----------+------+-----------+-------------+
//   |   owner    |  owned   | kind | exclusive |  read-only  |
//   +------------+----------+------+-----------+-------------+
//
//   owned      frames of the extent that belong to `owner` (0..512)
//   exclusive  kind 0: frames of the extent that are page tables; kind 1: big writable mappings of it
//   read-only  big read-only mappings
//
// Page tables and big writable mappings share one count because they exclude each other. Any big mapping needs all 512
// frames and excludes giving up any of them. An extent of several owners counts the frames of one only, and may count
// fewer than that owner has: who is refused for that looks at the frames one by one, and has them counted again. It
// never counts more.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/flush_clock.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

class ExtentState {
  public:
    static constexpr uint64_t read_only_limit = (uint64_t{1} << 18) - 1;
    static constexpr uint64_t exclusive_limit = (uint64_t{1} << 19) - 1;

    constexpr explicit ExtentState(uint64_t word) : word_(word) {}
    constexpr ExtentState(DomainId owner, uint64_t owned, bool writable, uint64_t exclusive, uint64_t read_only)
        : word_(uint64_t{owner.raw()} << 48 | owned << 38 | uint64_t{writable} << 37 | exclusive << 18 | read_only) {}

    [[nodiscard]] constexpr uint64_t raw() const { return word_; }
    [[nodiscard]] constexpr DomainId owner() const { return DomainId{static_cast<uint16_t>(word_ >> 48)}; }
    [[nodiscard]] constexpr uint64_t owned() const { return (word_ >> 38) & 0x3ff; }
    [[nodiscard]] constexpr uint64_t page_tables() const { return kind_writable() ? 0 : exclusive(); }
    [[nodiscard]] constexpr uint64_t big_writable() const { return kind_writable() ? exclusive() : 0; }
    [[nodiscard]] constexpr uint64_t big_read_only() const { return word_ & read_only_limit; }
    constexpr bool operator==(const ExtentState &) const = default;

  private:
    [[nodiscard]] constexpr bool kind_writable() const { return ((word_ >> 37) & 1) != 0; }
    [[nodiscard]] constexpr uint64_t exclusive() const { return (word_ >> 18) & exclusive_limit; }

    uint64_t word_;
};

class Extent {
  public:
    [[nodiscard]] ExtentState state() const { return ExtentState{word_.load(std::memory_order_acquire)}; }

    // A frame comes to `owner`, or leaves it (busy: the extent is mapped big).
    void add_frame(DomainId owner);
    Result<void> remove_frame(DomainId owner);

    // All 512 frames are `owner`'s, and none is given up meanwhile.
    void count_all(DomainId owner);

    // A frame becomes a page table (busy: there is a big writable mapping), or stops being one.
    Result<void> add_page_table();
    void remove_page_table();

    // access_denied: not all of the extent is `owner`'s; busy: writable, and there is a page table;
    // limit_reached: the count is full.
    Result<void> add_big(DomainId owner, bool writable);
    void remove_big(bool writable);

    FlushStamp leaf_stamp;   // when a big mapping was last taken away
    FlushStamp table_stamp;  // when a frame of it last stopped being a page table

    // For tests of overflow.
    void set_state(ExtentState state) { word_.store(state.raw(), std::memory_order_release); }

  private:
    template <typename Change>
    Result<void> change(Change &&next);

    // All ones in the owner's bits (no_domain) and zero elsewhere: nobody's. Zeroed memory is owned by domain 0 with a
    // count of 0, which is as good: a count of 0 always takes the next owner.
    std::atomic<uint64_t> word_ = 0;
};
static_assert(sizeof(Extent) == 24);

}  // namespace ringfold
