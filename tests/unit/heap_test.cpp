// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/heap.hpp"

#include "hypervisor/mm/frame_allocator.hpp"
#include "tests/unit/fake_machine_memory.hpp"
#include "tests/unit/random_seed.hpp"
#include "tests/unit/simulated_machine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace ringfold {
namespace {

constexpr uint64_t frame_count = 4096;

// The frame allocator is one for the process: each test starts it afresh, on memory of its own.
class HeapTest : public testing::Test {
  protected:
    HeapTest() : memory_(FrameCount{frame_count}), nodes_(frame_count) {
        initialise_frame_allocator(nodes_);
        EXPECT_TRUE(add_frames(MachineFrame{512}, FrameCount{frame_count - 512}).ok());
        all_ = free_frame_count();
    }
    // Whatever a test did, all frames must be back and the books must be right.
    ~HeapTest() override {
        heap_trim();
        EXPECT_EQ(free_frame_count(), all_);
        EXPECT_TRUE(frame_allocator_is_consistent());
        EXPECT_EQ(heap_counters().objects, 0U);
        EXPECT_EQ(heap_counters().slabs, 0U);
        initialise_frame_allocator({});
    }

    static bool holds(const void *pointer, uint64_t size, uint8_t value) {
        const auto *bytes = static_cast<const uint8_t *>(pointer);
        return std::all_of(bytes, bytes + size, [value](uint8_t byte) { return byte == value; });
    }

  private:
    test::FakeMachineMemory memory_;
    std::vector<FrameNode> nodes_;
    FrameCount all_;
};

using FrameAllocatorTest = HeapTest;
using HeapDeathTest = HeapTest;

TEST_F(FrameAllocatorTest, GivesZeroedFramesAndTakesThemBackDirty) {
    const MachineFrame first = allocate_frames(Order{4}).take();
    EXPECT_TRUE(holds(pointer_to(first), Order{4}.frames().bytes(), 0));
    std::memset(pointer_to(first), 0x77, Order{4}.frames().bytes());
    const FrameCount dirty = frame_counters().dirty;
    free_frames(first, Order{4});
    EXPECT_EQ(frame_counters().dirty, dirty + FrameCount{16});
    EXPECT_EQ(scrub_frames(FrameCount{frame_count}), dirty + FrameCount{16});
    EXPECT_TRUE(holds(pointer_to(first), Order{4}.frames().bytes(), 0));
    EXPECT_EQ(frame_counters().dirty, FrameCount{0});
    const MachineFrame clean = allocate_frames_below(Order{0}, MachineAddress{513 * page_size}).take();
    EXPECT_EQ(clean, MachineFrame{512});
    EXPECT_EQ(allocate_frames_below(Order{0}, MachineAddress{513 * page_size}).error(), Error::out_of_memory);
    free_clean_frames(clean, Order{0});
    EXPECT_EQ(frame_counters().dirty, FrameCount{0});
}

// Asks until it is not preempted any more, so often; what was preempted leaves everything free.
template <typename Allocate>
MachineFrame allocate_to_the_end(Allocate &&allocate, unsigned &preemptions) {
    const FrameCount free = free_frame_count();
    for (preemptions = 0;; ++preemptions) {
        const FrameCount dirty = frame_counters().dirty;
        const Result<MachineFrame> block = allocate();
        EXPECT_TRUE(frame_allocator_is_consistent());
        if (block.ok() || block.error() != Error::again) {
            EXPECT_TRUE(block.ok());
            return block.ok() ? block.value() : MachineFrame{};
        }
        EXPECT_EQ(free_frame_count(), free);
        EXPECT_LT(frame_counters().dirty, dirty);  // each call gets on
    }
}

TEST_F(FrameAllocatorTest, ClearsABlockByParts) {
    std::memset(pointer_to(MachineFrame{512}), 0x77, frame_count * page_size - extent_order.frames().bytes());
    test::SimulatedMachine machine{1};
    machine.preemption_due = [] { return true; };
    unsigned preemptions = 0;
    const auto allocate = [] { return allocate_frames_by_parts(extent_order); };
    const MachineFrame first = allocate_to_the_end(allocate, preemptions);
    EXPECT_EQ(preemptions, 31U);  // of 16 frames each: the cleared part is found again
    EXPECT_TRUE(holds(pointer_to(first), extent_order.frames().bytes(), 0));
    const auto allocate_low = [] {
        return allocate_frames_below_by_parts(extent_order, MachineAddress{1536 * page_size});
    };
    const MachineFrame low = allocate_to_the_end(allocate_low, preemptions);
    EXPECT_EQ(low, MachineFrame{1024});
    EXPECT_TRUE(holds(pointer_to(low), extent_order.frames().bytes(), 0));
    free_frames(low, extent_order);
    free_clean_frames(first, extent_order);
    EXPECT_EQ(allocate_frames_by_parts(extent_order).take(), first);  // clean: nothing to make way for
    free_frames(first, extent_order);
}

// Whoever asks meanwhile gets what was cleared, and nothing else is lost.
TEST_F(FrameAllocatorTest, WhatWasClearedInPartIsAnybodys) {
    std::memset(pointer_to(MachineFrame{512}), 0x77, frame_count * page_size - extent_order.frames().bytes());
    test::SimulatedMachine machine{1};
    machine.preemption_due = [] { return true; };
    EXPECT_EQ(allocate_frames_by_parts(extent_order).error(), Error::again);
    EXPECT_EQ(allocate_frames_by_parts(max_order).error(), Error::out_of_memory);
    const FrameCount dirty = frame_counters().dirty;
    const MachineFrame part = allocate_frames(Order{4}).take();
    EXPECT_TRUE(holds(pointer_to(part), Order{4}.frames().bytes(), 0));
    EXPECT_EQ(frame_counters().dirty, dirty);
    machine.preemption_due = [] { return false; };
    const MachineFrame whole = allocate_frames_by_parts(extent_order).take();
    EXPECT_TRUE(holds(pointer_to(whole), extent_order.frames().bytes(), 0));
    free_frames(part, Order{4});
    free_frames(whole, extent_order);
}

TEST_F(FrameAllocatorTest, NobodyElseGetsWhatIsClaimed) {
    const FrameCount free = free_frame_count();
    FrameClaim claim;
    FrameClaim other;
    EXPECT_EQ(claim_frames(claim, free + FrameCount{1}).error(), Error::out_of_memory);
    ASSERT_TRUE(claim_frames(claim, free - FrameCount{2}).ok());
    EXPECT_EQ(free_frame_count(), FrameCount{2});
    EXPECT_EQ(claim_frames(other, FrameCount{3}).error(), Error::out_of_memory);
    EXPECT_EQ(allocate_frames(Order{2}).error(), Error::out_of_memory);
    EXPECT_EQ(allocate_frames_below(Order{2}, MachineAddress{1 << 30}).error(), Error::out_of_memory);
    EXPECT_EQ(allocate_frames_by_parts(Order{2}).error(), Error::out_of_memory);
    EXPECT_EQ(allocate_frames_by_parts(Order{2}, other).error(), Error::out_of_memory);
    EXPECT_EQ(allocate_frames_at_by_parts(MachineFrame{512}, Order{2}, other).error(), Error::out_of_memory);
    const MachineFrame unclaimed = allocate_frames(Order{1}).take();
    const MachineFrame claimed = allocate_frames_by_parts(extent_order, claim).take();
    EXPECT_EQ(claim.count, free - FrameCount{2} - extent_order.frames());
    EXPECT_EQ(free_frame_count(), FrameCount{});
    EXPECT_EQ(claimed_frame_count(), claim.count);
    // Less is always possible; more only while it is there.
    EXPECT_EQ(claim_frames(claim, claim.count + FrameCount{1}).error(), Error::out_of_memory);
    ASSERT_TRUE(claim_frames(claim, FrameCount{8}).ok());
    ASSERT_TRUE(claim_frames(other, FrameCount{8}).ok());
    EXPECT_EQ(free_frame_count(), frame_counters().free - FrameCount{16});
    EXPECT_TRUE(frame_allocator_is_consistent());
    // A block that is bigger than the claim takes the rest from what is nobody's.
    const MachineFrame bigger = allocate_frames_by_parts(Order{4}, other).take();
    EXPECT_EQ(other.count, FrameCount{});
    EXPECT_EQ(free_frame_count(), frame_counters().free - FrameCount{8});
    close_claim(claim);
    EXPECT_EQ(claimed_frame_count(), FrameCount{});
    EXPECT_EQ(claim_frames(claim, FrameCount{1}).error(), Error::busy);
    free_clean_frames(unclaimed, Order{1});
    free_clean_frames(claimed, extent_order);
    free_clean_frames(bigger, Order{4});
}

TEST_F(FrameAllocatorTest, WhatIsPutBackIsClaimedAgain) {
    std::memset(pointer_to(MachineFrame{512}), 0x77, frame_count * page_size - extent_order.frames().bytes());
    test::SimulatedMachine machine{1};
    machine.preemption_due = [] { return true; };
    const FrameCount free = free_frame_count();
    FrameClaim claim;
    ASSERT_TRUE(claim_frames(claim, FrameCount{600}).ok());
    EXPECT_EQ(allocate_frames_by_parts(extent_order, claim).error(), Error::again);
    EXPECT_EQ(allocate_frames_at_by_parts(MachineFrame{1024}, extent_order, claim).error(), Error::again);
    EXPECT_EQ(claim.count, FrameCount{600});
    EXPECT_EQ(free_frame_count(), free - FrameCount{600});
    machine.preemption_due = [] { return false; };
    const MachineFrame block = allocate_frames_at_by_parts(MachineFrame{1024}, extent_order, claim).take();
    EXPECT_EQ(block, MachineFrame{1024});
    EXPECT_TRUE(holds(pointer_to(block), extent_order.frames().bytes(), 0));
    EXPECT_EQ(claim.count, FrameCount{88});
    EXPECT_EQ(free_frame_count(), free - FrameCount{600});
    close_claim(claim);
    free_frames(block, extent_order);
}

TEST_F(FrameAllocatorTest, PanicsWhenFramesAreFreedTwice) {
    const MachineFrame first = allocate_frames(Order{1}).take();
    free_frames(first, Order{1});
    EXPECT_DEATH(free_frames(first, Order{1}), "not allocated");
    EXPECT_DEATH(free_clean_frames(MachineFrame{3}, Order{0}), "not allocated");
}

// Two CPUs at once: nobody sees the other's frames, nor anything but zeroes in new ones.
TEST_F(FrameAllocatorTest, ServesTwoProcessorsAtOnce) {
    std::atomic<uint64_t> wrong = 0;
    const auto processor = [&](uint64_t mark) {
        std::mt19937_64 random(mark);
        std::vector<std::pair<MachineFrame, Order>> blocks;
        for (int i = 0; i < 20'000; ++i) {
            const Order order{static_cast<unsigned>(random() % 4)};
            auto block = blocks.size() < 64 ? allocate_frames(order) : Result<MachineFrame>(Error::out_of_memory);
            if (block.ok()) {
                auto *words = pointer_to<uint64_t>(block.value());
                const uint64_t last = order.frames().bytes() / sizeof(uint64_t) - 1;
                wrong += words[0] != 0 || words[last] != 0;
                words[0] = words[last] = mark;
                blocks.emplace_back(block.value(), order);
            } else {
                std::swap(blocks[random() % blocks.size()], blocks.back());
                const auto [first, size] = blocks.back();
                blocks.pop_back();
                wrong += pointer_to<uint64_t>(first)[0] != mark;
                free_frames(first, size);
            }
            scrub_frames(FrameCount{random() % 2});
        }
        for (const auto &[first, size] : blocks) {
            free_frames(first, size);
        }
    };
    std::thread other(processor, 2);
    processor(1);
    other.join();
    EXPECT_EQ(wrong, 0U);
}

TEST_F(HeapTest, AlignsEverySizeToItself) {
    for (uint64_t size = 1; size <= 20'000; size = size * 5 / 4 + 1) {
        void *pointer = heap_allocate(size).take();
        EXPECT_EQ(reinterpret_cast<uintptr_t>(pointer) % std::min<uint64_t>(std::bit_ceil(size), page_size), 0U)
            << size;
        std::memset(pointer, 1, size);
        heap_free(pointer, size);
    }
}

TEST_F(HeapTest, PoisonsFreshAndFreedMemory) {
    for (const uint64_t size : {16U, 500U, 4096U, 5000U}) {
        auto *pointer = static_cast<uint8_t *>(heap_allocate(size).take());
        EXPECT_TRUE(holds(pointer, size, Slab::fresh_poison));
        std::memset(pointer, 0, size);
        heap_free(pointer, size);
        EXPECT_TRUE(holds(pointer, size, Slab::free_poison));
    }
}

TEST_F(HeapTest, ReportsThatMemoryIsOut) {
    std::vector<void *> pointers;
    const auto fill_one = [&] {
        auto pointer = heap_allocate(3000);
        if (pointer.ok()) {
            pointers.push_back(pointer.value());
        }
        return pointer.ok();
    };
    while (fill_one()) {
    }
    EXPECT_EQ(heap_allocate(3000).error(), Error::out_of_memory);
    EXPECT_EQ(heap_allocate(uint64_t{1} << 24).error(), Error::out_of_memory);
    EXPECT_EQ(heap_allocate(uint64_t{1} << 40).error(), Error::out_of_range);
    EXPECT_EQ(pointers.size(), (frame_count - 512) / 8 * 7);
    for (void *pointer : pointers) {
        heap_free(pointer, 3000);
    }
}

struct Counted {
    explicit Counted(int &alive, uint64_t value = 0) : count(alive), payload{value} { ++count; }
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;
    ~Counted() { --count; }
    int &count;
    std::array<uint64_t, 20> payload;
};

struct alignas(1024) Aligned {
    char byte;
};

TEST_F(HeapTest, CreatesAndDestroysObjects) {
    int alive = 0;
    Counted *object = create<Counted>(alive, 7U).take();
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(object->payload[0], 7U);
    destroy(object);
    EXPECT_EQ(alive, 0);
    destroy(static_cast<Counted *>(nullptr));
    Aligned *aligned = create<Aligned>().take();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(aligned) % alignof(Aligned), 0U);
    destroy(aligned);
    using Big = std::array<uint64_t, 10'000>;
    Big *big = create<Big>().take();
    big->fill(1);
    destroy(big);
}

TEST_F(HeapTest, OwnedDestroysExactlyOnce) {
    int alive = 0;
    {
        Owned<Counted> first = create_owned<Counted>(alive).take();
        Owned<Counted> second = std::move(first);
        EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the point
        EXPECT_TRUE(second);
        second = create_owned<Counted>(alive, 9U).take();
        EXPECT_EQ(alive, 1);
        EXPECT_EQ(second->payload[0], 9U);
        Owned<Counted> &itself = second;
        second = std::move(itself);
        EXPECT_EQ(alive, 1);
        Counted *released = second.release();
        EXPECT_EQ(alive, 1);
        destroy(released);
    }
    EXPECT_EQ(alive, 0);
}

TEST_F(HeapDeathTest, PanicsOnMisuse) {
    auto *pointer = static_cast<std::byte *>(heap_allocate(64).take());
    auto *freed = static_cast<std::byte *>(heap_allocate(64).take());
    heap_free(freed, 64);
    EXPECT_DEATH(heap_free(freed, 64), "given back to the heap twice");
    EXPECT_DEATH(heap_free(pointer + 16, 64), "pointer into an object");
    EXPECT_DEATH(heap_free(pointer, 128), "object of another size");
    EXPECT_DEATH(heap_free(pointer_to(MachineFrame{2048}), 64), "never handed out");
    auto *header = reinterpret_cast<std::byte *>(align_down(reinterpret_cast<uintptr_t>(pointer), Slab::size));
    EXPECT_DEATH(heap_free(header, 64), "pointer into an object");
    EXPECT_DEATH(heap_free(pointer, 8192), "pointer into an object");
    EXPECT_DEATH((void)heap_allocate(0), "impossible size");
    EXPECT_DEATH(
        {
            freed[3] = std::byte{0};
            (void)heap_allocate(64).ok();
        },
        "free memory was written");
    heap_free(pointer, 64);
}

// Random sizes and lifetimes; each object is filled with a pattern of its own, which must be there when it dies.
TEST_F(HeapTest, KeepsObjectsApartUnderRandomUse) {
    struct Object {
        uint8_t *bytes;
        uint64_t size;
        uint8_t pattern;
    };
    std::mt19937_64 random(test::random_seed());
    std::vector<Object> objects;
    uint64_t failures = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        const bool grow = random() % 1024 < (i / 40'000 % 2 == 0 ? 560U : 480U);
        if (grow) {
            const uint64_t range = uint64_t{16} << random() % 11;
            const uint64_t size = 1 + random() % range;
            auto pointer = heap_allocate(size);
            if (!pointer.ok()) {
                ASSERT_EQ(pointer.error(), Error::out_of_memory);
                ++failures;
                continue;
            }
            const Object object{static_cast<uint8_t *>(pointer.value()), size, static_cast<uint8_t>(random())};
            std::memset(object.bytes, object.pattern, size);
            objects.push_back(object);
        } else if (!objects.empty()) {
            std::swap(objects[random() % objects.size()], objects.back());
            const Object object = objects.back();
            objects.pop_back();
            ASSERT_TRUE(holds(object.bytes, object.size, object.pattern));
            heap_free(object.bytes, object.size);
        }
    }
    EXPECT_GT(failures, 0U);  // memory was scarce at times
    const auto small = [](const Object &object) { return object.size <= SlabHeap::largest; };
    EXPECT_EQ(heap_counters().objects, static_cast<uint64_t>(std::count_if(objects.begin(), objects.end(), small)));
    for (const Object &object : objects) {
        ASSERT_TRUE(holds(object.bytes, object.size, object.pattern));
        heap_free(object.bytes, object.size);
    }
}

}  // namespace
}  // namespace ringfold
