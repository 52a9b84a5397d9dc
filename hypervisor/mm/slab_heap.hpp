// SPDX-License-Identifier: Apache-2.0
//
// Small objects, in slabs by size: 16, 32, ... 4096 bytes. Takes frames from the frame allocator and gives them back.
// Knows no lock (heap.hpp adds one). Every misuse that it can see panics: it is our own.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/slab.hpp"

#include <array>
#include <cstdint>

namespace ringfold {

struct HeapCounters {
    uint64_t objects;  // handed out and not yet back
    uint64_t slabs;
};

class SlabHeap {
  public:
    static constexpr uint64_t largest = 4096;

    constexpr SlabHeap() = default;
    SlabHeap(const SlabHeap &) = delete;
    SlabHeap &operator=(const SlabHeap &) = delete;

    // `size` is 1..largest; the memory is aligned to it, rounded up to a power of two.
    [[nodiscard]] Result<void *> allocate(uint64_t size);
    // `size` as it was for allocate().
    void free(void *pointer, uint64_t size);

    // Gives back the slabs that are kept empty for the next object.
    void trim();

    [[nodiscard]] HeapCounters counters() const { return counters_; }

  private:
    static constexpr unsigned classes = 9;  // 16 << 0 .. 16 << 8
    static_assert(Slab::smallest_slot << (classes - 1) == largest);

    [[nodiscard]] static unsigned class_of(uint64_t size);
    [[nodiscard]] Result<Slab *> add_slab(unsigned size_class);
    void remove_slab(Slab &slab, unsigned size_class);
    void link(Slab &slab, unsigned size_class);
    void unlink(Slab &slab, unsigned size_class);

    std::array<Slab *, classes> with_room_{};  // slabs that are not full
    HeapCounters counters_{};
};

}  // namespace ringfold
