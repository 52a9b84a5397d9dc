// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/slab_heap.hpp"

#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace ringfold {

unsigned SlabHeap::class_of(uint64_t size) {
    invariant(size >= 1 && size <= largest, "the heap was asked for an impossible size");
    const uint64_t slot_size = std::bit_ceil(std::max(size, Slab::smallest_slot));
    return static_cast<unsigned>(std::countr_zero(slot_size) - std::countr_zero(Slab::smallest_slot));
}

Result<void *> SlabHeap::allocate(uint64_t size) {
    const unsigned size_class = class_of(size);
    Slab *slab = with_room_[size_class];
    if (slab == nullptr) {
        slab = TRY(add_slab(size_class));
    }
    void *pointer = slab->take();
    if (slab->full()) {
        unlink(*slab, size_class);
    }
    ++counters_.objects;
    return pointer;
}

void SlabHeap::free(void *pointer, uint64_t size) {
    const unsigned size_class = class_of(size);
    Slab &slab = Slab::of(pointer, Slab::smallest_slot << size_class);
    const bool was_full = slab.full();
    slab.give(pointer);
    --counters_.objects;
    if (was_full) {
        link(slab, size_class);
    }
    const bool others_have_room = slab.next != nullptr || slab.previous != nullptr;
    if (slab.empty() && others_have_room) {
        remove_slab(slab, size_class);
    }
}

void SlabHeap::trim() {
    for (unsigned size_class = 0; size_class < classes; ++size_class) {
        for (Slab *slab = with_room_[size_class]; slab != nullptr;) {
            Slab *next = slab->next;
            if (slab->empty()) {
                remove_slab(*slab, size_class);
            }
            slab = next;
        }
    }
}

Result<Slab *> SlabHeap::add_slab(unsigned size_class) {
    const MachineFrame frame = TRY(allocate_frames(Slab::order));
    Slab *slab = new (pointer_to(frame)) Slab(Slab::smallest_slot << size_class);
    link(*slab, size_class);
    ++counters_.slabs;
    return slab;
}

void SlabHeap::remove_slab(Slab &slab, unsigned size_class) {
    unlink(slab, size_class);
    slab.retire();
    free_frames(frame_behind(&slab), Slab::order);
    --counters_.slabs;
}

void SlabHeap::link(Slab &slab, unsigned size_class) {
    Slab *&first = with_room_[size_class];
    slab.previous = nullptr;
    slab.next = first;
    if (first != nullptr) {
        first->previous = &slab;
    }
    first = &slab;
}

void SlabHeap::unlink(Slab &slab, unsigned size_class) {
    (slab.previous != nullptr ? slab.previous->next : with_room_[size_class]) = slab.next;
    if (slab.next != nullptr) {
        slab.next->previous = slab.previous;
    }
    slab.next = nullptr;
    slab.previous = nullptr;
}

}  // namespace ringfold
