// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/slab.hpp"

#include "hypervisor/mm/machine_seam.hpp"

#include <algorithm>
#include <bit>

namespace ringfold {

namespace {

bool holds_only(const std::byte *bytes, uint64_t count, uint8_t value) {
    return std::all_of(bytes, bytes + count, [value](std::byte byte) { return byte == std::byte{value}; });
}

}  // namespace

Slab::Slab(uint64_t slot_size) : slot_size_(slot_size) {
    const uint64_t header_slots = (sizeof(Slab) + slot_size - 1) / slot_size;
    capacity_ = slots() - header_slots;
    for (uint64_t index = 0; index < header_slots; ++index) {
        taken_[index / word_bits] |= uint64_t{1} << (index % word_bits);
    }
    if (RINGFOLD_DEBUG != 0) {
        __builtin_memset(slot(header_slots), free_poison, capacity_ * slot_size_);
    }
}

Slab &Slab::of(void *pointer, uint64_t slot_size) {
    auto *slab = reinterpret_cast<Slab *>(align_down(reinterpret_cast<uintptr_t>(pointer), size));
    invariant(slab->magic_ == magic, "the heap was given back a pointer that it never handed out");
    invariant(slab->slot_size_ == slot_size, "the heap was given back an object of another size");
    return *slab;
}

std::byte *Slab::slot(uint64_t index) { return reinterpret_cast<std::byte *>(this) + index * slot_size_; }

void *Slab::take() {
    const uint64_t words = (slots() + word_bits - 1) / word_bits;
    for (uint64_t word = 0; word < words; ++word) {
        const uint64_t index = word * word_bits + static_cast<uint64_t>(std::countr_one(taken_[word]));
        if (taken_[word] == ~uint64_t{0} || index >= slots()) {
            continue;
        }
        taken_[word] |= uint64_t{1} << (index % word_bits);
        ++used_;
        if (RINGFOLD_DEBUG != 0) {
            invariant(holds_only(slot(index), slot_size_, free_poison), "the heap's free memory was written");
            __builtin_memset(slot(index), fresh_poison, slot_size_);
        }
        return slot(index);
    }
    machine::invariant_broken("a slab with room has no free slot");
}

void Slab::give(void *pointer) {
    const uint64_t offset = reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(this);
    const uint64_t index = offset / slot_size_;
    invariant(offset % slot_size_ == 0 && offset >= sizeof(Slab), "the heap was given back a pointer into an object");
    const uint64_t bit = uint64_t{1} << (index % word_bits);
    invariant((taken_[index / word_bits] & bit) != 0, "an object was given back to the heap twice");
    taken_[index / word_bits] &= ~bit;
    --used_;
    if (RINGFOLD_DEBUG != 0) {
        __builtin_memset(pointer, free_poison, slot_size_);
    }
}

void Slab::retire() { magic_ = 0; }

}  // namespace ringfold
