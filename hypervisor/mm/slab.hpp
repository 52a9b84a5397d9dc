// SPDX-License-Identifier: Apache-2.0
//
// A slab: 32 KiB of machine memory, cut into slots of one size, a power of two. The header lies in the first bytes; the
// slots that it covers count as taken for ever. Every slot is aligned to its size.
//
//      +--------+- - -+--------+--------+--   --+--------+
//      | header       | slot k |  k + 1 |  ...  | last   |      slab base = slot address rounded down to 32 KiB
//      +--------+- - -+--------+--------+--   --+--------+
#pragma once

#include "hypervisor/lib/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringfold {

class Slab {
  public:
    static constexpr Order order{3};
    static constexpr uint64_t size = page_size << 3;
    static constexpr uint64_t smallest_slot = 16;

    // What bytes hold that nobody should read: before the first write, and after the object's end. Debug builds only.
    static constexpr uint8_t fresh_poison = 0xa5;
    static constexpr uint8_t free_poison = 0x5a;

    explicit Slab(uint64_t slot_size);
    Slab(const Slab &) = delete;
    Slab &operator=(const Slab &) = delete;

    // The slab that `pointer` would be in. Panics unless there is one, of this slot size.
    [[nodiscard]] static Slab &of(void *pointer, uint64_t slot_size);

    [[nodiscard]] bool full() const { return used_ == capacity_; }
    [[nodiscard]] bool empty() const { return used_ == 0; }
    [[nodiscard]] uint64_t slot_size() const { return slot_size_; }

    [[nodiscard]] void *take();  // not when full()
    void give(void *pointer);    // panics unless it is a slot that was taken
    void retire();               // no pointer is in this slab any more

    Slab *next = nullptr;  // neighbours in the heap's list of slabs with room
    Slab *previous = nullptr;

  private:
    static constexpr uint64_t magic = 0x62616c73'676e6972;  // "ringslab"
    static constexpr uint64_t word_bits = 64;

    [[nodiscard]] uint64_t slots() const { return size / slot_size_; }
    [[nodiscard]] std::byte *slot(uint64_t index);

    uint64_t magic_ = magic;
    uint64_t slot_size_;
    uint64_t capacity_;
    uint64_t used_ = 0;
    std::array<uint64_t, size / smallest_slot / word_bits> taken_{};  // a bit for each slot
};

}  // namespace ringfold
