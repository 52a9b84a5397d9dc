// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/heap.hpp"

#include "hypervisor/lib/locked.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <bit>

namespace ringfold {

namespace {

constinit Locked<SlabHeap, LockRank::heap> heap;

// The smallest block of frames that holds `size` bytes.
constexpr Order order_for(uint64_t size) {
    return Order{static_cast<unsigned>(std::bit_width(FrameCount::holding(size).raw() - 1))};
}

}  // namespace

Result<void *> heap_allocate(uint64_t size) {
    if (size <= SlabHeap::largest) {
        return heap.lock()->allocate(size);
    }
    const MachineFrame first = TRY(allocate_frames(order_for(size)));
    if (RINGFOLD_DEBUG != 0) {
        __builtin_memset(pointer_to(first), Slab::fresh_poison, size);
    }
    return pointer_to(first);
}

void heap_free(void *pointer, uint64_t size) {
    if (size <= SlabHeap::largest) {
        heap.lock()->free(pointer, size);
        return;
    }
    invariant(machine_address_of(pointer).page_offset() == 0, "the heap was given back a pointer into an object");
    if (RINGFOLD_DEBUG != 0) {
        __builtin_memset(pointer, Slab::free_poison, size);
    }
    free_frames(frame_behind(pointer), order_for(size));
}

void heap_trim() { heap.lock()->trim(); }

HeapCounters heap_counters() { return heap.lock()->counters(); }

}  // namespace ringfold
