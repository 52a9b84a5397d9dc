// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/buddy_allocator.hpp"

#include "tests/unit/fake_machine_memory.hpp"
#include "tests/unit/random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

namespace ringfold {
namespace {

constexpr uint64_t first_mebibyte = 256;  // frames
constexpr uint64_t four_gibibytes = uint64_t{1} << 20;

// An allocator over frames 0 .. frame_count - 1, none of them added yet.
class Machine {
  public:
    explicit Machine(uint64_t frame_count) : memory_(FrameCount{frame_count}), nodes_(frame_count) {
        buddy.initialise(nodes_);
    }
    void add(uint64_t first, uint64_t count) { ASSERT_TRUE(buddy.add(MachineFrame{first}, FrameCount{count}).ok()); }
    FrameNodes nodes() { return nodes_; }

  private:
    test::FakeMachineMemory memory_;
    std::vector<FrameNode> nodes_;

  public:
    BuddyAllocator buddy;
};

bool is_zero(MachineFrame frame) {
    const auto *words = pointer_to<uint64_t>(frame);
    return std::all_of(words, words + page_size / 8, [](uint64_t word) { return word == 0; });
}

void fill(MachineFrame first, Order order) { std::memset(pointer_to(first), 0xee, order.frames().bytes()); }

TEST(BuddyAllocator, HasNothingBeforeItIsInitialised) {
    BuddyAllocator buddy;
    EXPECT_EQ(buddy.allocate(Order{0}).error(), Error::out_of_memory);
    EXPECT_EQ(buddy.allocate_below(Order{0}, MachineAddress{1 << 20}).error(), Error::out_of_memory);
    EXPECT_EQ(buddy.free(MachineFrame{0}, Order{0}).error(), Error::bad_frame);
}

TEST(BuddyAllocator, ScrubsMemoryOfUnknownContents) {
    Machine machine(1024);
    fill(MachineFrame{512}, Order{9});
    machine.add(512, 512);
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{512});
    const MachineFrame frame = machine.buddy.allocate(Order{3}).take();
    for (uint64_t i = 0; i < 8; ++i) {
        EXPECT_TRUE(is_zero(frame + FrameCount{i}));
    }
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{504});
    EXPECT_EQ(machine.buddy.free_frames(), FrameCount{504});
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, PutsBackWhatWasScrubbedInPart) {
    Machine machine(2048);
    fill(MachineFrame{1024}, Order{10});
    machine.add(1024, 1024);
    const MachineFrame block = machine.buddy.take(Order{9}).take();
    EXPECT_FALSE(BuddyAllocator::scrub_part(machine.nodes(), block, Order{9}, FrameCount{100}));
    EXPECT_TRUE(machine.buddy.put_back(block, Order{9}).ok());
    EXPECT_TRUE(machine.buddy.consistent());
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{924});
    EXPECT_EQ(machine.buddy.put_back(block, Order{9}).error(), Error::not_found);
    EXPECT_EQ(machine.buddy.take(Order{9}).take(), block);  // rather than the one that is all dirty
    EXPECT_EQ(machine.buddy.put_back(block, Order{8}).error(), Error::not_found);  // the whole or nothing
    EXPECT_FALSE(BuddyAllocator::scrub_part(machine.nodes(), block, Order{9}, FrameCount{411}));
    EXPECT_TRUE(BuddyAllocator::scrub_part(machine.nodes(), block, Order{9}, FrameCount{1}));
    for (uint64_t i = 0; i < 512; ++i) {
        EXPECT_TRUE(is_zero(block + FrameCount{i}));
    }
    EXPECT_TRUE(machine.buddy.put_back(block, Order{9}).ok());
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{512});
    EXPECT_EQ(machine.buddy.put_back(MachineFrame{0}, Order{0}).error(), Error::bad_frame);
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, RefusesRangesThatItCannotTakeOver) {
    Machine machine(1024);
    machine.add(300, 100);
    EXPECT_EQ(machine.buddy.add(MachineFrame{399}, FrameCount{2}).error(), Error::already_exists);
    EXPECT_EQ(machine.buddy.add(MachineFrame{200}, FrameCount{300}).error(), Error::already_exists);
    EXPECT_EQ(machine.buddy.add(MachineFrame{1000}, FrameCount{25}).error(), Error::out_of_range);
    EXPECT_EQ(machine.buddy.add(MachineFrame{~uint64_t{0}}, FrameCount{1}).error(), Error::out_of_range);
    EXPECT_EQ(machine.buddy.add(MachineFrame{1000}, FrameCount{~uint64_t{0}}).error(), Error::out_of_range);
    EXPECT_EQ(machine.buddy.counters().managed, FrameCount{100});
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, MergesAdjacentRangesIntoWholeExtents) {
    Machine machine(2048);
    machine.add(1024, 100);
    machine.add(1200, 336);
    EXPECT_EQ(machine.buddy.free_extents(), 0U);
    machine.add(1124, 76);
    EXPECT_EQ(machine.buddy.free_extents(), 1U);
    EXPECT_EQ(machine.buddy.allocate(extent_order).take(), MachineFrame{1024});
}

TEST(BuddyAllocator, NeverJoinsMemoryAcrossAZone) {
    Machine machine(1024);
    machine.add(0, 1024);
    EXPECT_EQ(machine.buddy.free_extents(), 1U);
    const MachineFrame below = machine.buddy.allocate_below(Order{8}, MachineAddress{1 << 20}).take();
    EXPECT_EQ(below, MachineFrame{0});
    ASSERT_TRUE(machine.buddy.free(below, Order{8}).ok());
    EXPECT_EQ(machine.buddy.free_extents(), 1U);
    EXPECT_EQ(machine.buddy.allocate(extent_order).take(), MachineFrame{512});
    EXPECT_EQ(machine.buddy.allocate(extent_order).error(), Error::out_of_memory);
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, DetectsADoubleFree) {
    Machine machine(1024);
    machine.add(512, 512);
    const MachineFrame frame = machine.buddy.allocate(Order{2}).take();
    ASSERT_TRUE(machine.buddy.free(frame, Order{2}).ok());
    EXPECT_EQ(machine.buddy.free(frame, Order{2}).error(), Error::not_found);
    EXPECT_EQ(machine.buddy.free(frame + FrameCount{1}, Order{0}).error(), Error::not_found);
    EXPECT_EQ(machine.buddy.free_clean(frame, Order{0}).error(), Error::not_found);
    EXPECT_EQ(machine.buddy.counters().refused, 3U);
    EXPECT_EQ(machine.buddy.free_frames(), FrameCount{512});
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, RefusesToFreeWhatItNeverHandedOut) {
    Machine machine(1024);
    machine.add(512, 256);
    const MachineFrame frame = machine.buddy.allocate(Order{1}).take();
    EXPECT_EQ(machine.buddy.free(MachineFrame{0}, Order{0}).error(), Error::bad_frame);     // a hole
    EXPECT_EQ(machine.buddy.free(MachineFrame{1024}, Order{0}).error(), Error::bad_frame);  // past the end
    EXPECT_EQ(machine.buddy.free(MachineFrame{~uint64_t{0}}, Order{0}).error(), Error::bad_frame);
    EXPECT_EQ(machine.buddy.free(frame + FrameCount{1}, Order{1}).error(), Error::bad_frame);  // not aligned
    EXPECT_EQ(machine.buddy.free(frame, Order{64}).error(), Error::bad_frame);
    EXPECT_EQ(machine.buddy.free(frame, Order{2}).error(), Error::not_found);  // more than was allocated
    EXPECT_EQ(machine.buddy.free_frames(), FrameCount{254});
    EXPECT_TRUE(machine.buddy.consistent());
    EXPECT_TRUE(machine.buddy.free(frame, Order{1}).ok());
}

TEST(BuddyAllocator, TakesBackABlockInParts) {
    Machine machine(1024);
    machine.add(512, 512);
    const MachineFrame extent = machine.buddy.allocate(extent_order).take();
    EXPECT_TRUE(machine.buddy.free(extent + FrameCount{77}, Order{0}).ok());
    EXPECT_EQ(machine.buddy.free(extent, extent_order).error(), Error::not_found);  // no longer one block
    EXPECT_TRUE(machine.buddy.free(extent + FrameCount{128}, Order{7}).ok());
    EXPECT_TRUE(machine.buddy.consistent());
    for (uint64_t i = 0; i < 512; ++i) {
        if (i != 77 && (i < 128 || i >= 256)) {
            ASSERT_TRUE(machine.buddy.free(extent + FrameCount{i}, Order{0}).ok()) << i;
        }
    }
    EXPECT_EQ(machine.buddy.free_extents(), 1U);
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, KeepsWholeExtentsForThoseWhoNeedThem) {
    Machine machine(8192);
    machine.add(512, 7680);
    std::vector<MachineFrame> frames;
    for (int i = 0; i < 512; ++i) {
        frames.push_back(machine.buddy.allocate(Order{0}).take());
    }
    EXPECT_EQ(machine.buddy.free_extents(), 14U);
    for (const MachineFrame frame : frames) {
        ASSERT_TRUE(machine.buddy.free(frame, Order{0}).ok());
    }
    EXPECT_EQ(machine.buddy.free_extents(), 15U);
}

TEST(BuddyAllocator, GivesLowMemoryLast) {
    Machine machine(four_gibibytes + 1024);
    machine.add(16, first_mebibyte - 16);
    machine.add(four_gibibytes - 512, 1024);
    std::set<uint64_t> high;
    for (int i = 0; i < 512; ++i) {
        high.insert(machine.buddy.allocate(Order{0}).take().raw());
    }
    EXPECT_EQ(*high.begin(), four_gibibytes);
    EXPECT_EQ(machine.buddy.allocate(Order{0}).take().raw() >> 9, (four_gibibytes >> 9) - 1);
    EXPECT_EQ(machine.buddy.free_frames(), FrameCount{511 + first_mebibyte - 16});
    ASSERT_TRUE(machine.buddy.allocate(Order{8}).ok());
    EXPECT_EQ(machine.buddy.allocate(Order{8}).error(), Error::out_of_memory);
    EXPECT_GT(machine.buddy.allocate(Order{7}).take().raw(), first_mebibyte);
    EXPECT_EQ(machine.buddy.allocate(Order{7}).take().raw(), 128U);
}

TEST(BuddyAllocator, AllocatesBelowALimit) {
    Machine machine(four_gibibytes + 1024);
    machine.add(1, 158);  // conventional memory of a PC, but for frame 0
    machine.add(4096, 4096);
    machine.add(four_gibibytes, 1024);
    const auto below = [&](unsigned order, uint64_t limit) {
        return machine.buddy.allocate_below(Order{order}, MachineAddress{limit});
    };
    EXPECT_LT(below(0, 1 << 20).take().raw(), 159U);
    EXPECT_EQ(below(0, 0x2000).take(), MachineFrame{1});
    EXPECT_EQ(below(0, 0x2000).error(), Error::out_of_memory);
    EXPECT_EQ(below(0, 0).error(), Error::out_of_memory);
    EXPECT_EQ(below(8, 1 << 20).error(), Error::out_of_memory);
    EXPECT_EQ(below(10, uint64_t{1} << 32).take().raw() & ~uint64_t{4095}, 4096U);
    const MachineFrame limited = below(9, (4096 + 2048) * page_size).take();  // inside a zone
    EXPECT_GE(limited.raw(), 4096U);
    EXPECT_LE(limited.raw() + 512, 4096U + 2048);
    EXPECT_EQ(below(12, (4096 + 2048) * page_size).error(), Error::out_of_memory);
    EXPECT_EQ(below(10, uint64_t{1} << 40).take(), MachineFrame{four_gibibytes});
    EXPECT_EQ(below(19, uint64_t{1} << 40).error(), Error::out_of_range);
    EXPECT_TRUE(machine.buddy.consistent());
}

TEST(BuddyAllocator, PrefersALimitToCleanness) {
    Machine machine(1024);
    machine.add(512, 512);
    EXPECT_EQ(machine.buddy.scrub_some(FrameCount{512}), FrameCount{512});
    const MachineAddress limit{513 * page_size};
    const MachineFrame frame = machine.buddy.allocate_below(Order{0}, limit).take();
    ASSERT_TRUE(machine.buddy.free(frame, Order{0}).ok());  // the one dirty frame of its extent
    EXPECT_EQ(machine.buddy.allocate_below(Order{0}, limit).take(), MachineFrame{512});
}

TEST(BuddyAllocator, TakesThisVeryBlock) {
    Machine machine(2048);
    machine.add(512, 1024);
    auto &buddy = machine.buddy;
    EXPECT_EQ(buddy.take_at(MachineFrame{700}, Order{0}).take(), MachineFrame{700});
    EXPECT_EQ(buddy.take_at(MachineFrame{700}, Order{0}).error(), Error::not_found);  // it is taken
    EXPECT_EQ(buddy.take_at(MachineFrame{512}, Order{9}).error(), Error::not_found);  // a part of it is
    EXPECT_EQ(buddy.take_at(MachineFrame{1024}, Order{9}).take(), MachineFrame{1024});
    EXPECT_EQ(buddy.take_at(MachineFrame{1535}, Order{0}).error(), Error::not_found);  // within a block that is taken
    for (const uint64_t bad : {uint64_t{0}, uint64_t{511}, uint64_t{1536}, uint64_t{2048}, uint64_t{1} << 30}) {
        EXPECT_EQ(buddy.take_at(MachineFrame{bad}, Order{0}).error(), Error::bad_frame) << bad;
    }
    EXPECT_EQ(buddy.take_at(MachineFrame{513}, Order{1}).error(), Error::bad_frame);
    EXPECT_EQ(buddy.take_at(MachineFrame{0}, Order{19}).error(), Error::bad_frame);
    EXPECT_EQ(buddy.free_frames(), FrameCount{511});
    EXPECT_TRUE(buddy.consistent());
    ASSERT_TRUE(buddy.free(MachineFrame{700}, Order{0}).ok());
    EXPECT_EQ(buddy.take_at(MachineFrame{512}, Order{9}).take(), MachineFrame{512});
    EXPECT_TRUE(buddy.consistent());
}

TEST(BuddyAllocator, AllocatesAGibibyte) {
    Machine machine(four_gibibytes + (1 << 18));
    machine.add(four_gibibytes, 1 << 18);
    const auto block = machine.buddy.take(max_order);
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block.value(), MachineFrame{four_gibibytes});
    EXPECT_EQ(machine.buddy.allocate(Order{0}).error(), Error::out_of_memory);
    EXPECT_EQ(machine.buddy.take(Order{19}).error(), Error::out_of_range);
    EXPECT_TRUE(machine.buddy.free(block.value(), max_order).ok());
    EXPECT_EQ(machine.buddy.free_extents(), 512U);
}

TEST(BuddyAllocator, ScrubsInIdleTimeAndOnlyWhatIsDirty) {
    Machine machine(1024);
    machine.add(512, 512);
    EXPECT_EQ(machine.buddy.scrub_some(FrameCount{100}), FrameCount{100});
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{412});
    EXPECT_TRUE(machine.buddy.consistent());
    EXPECT_EQ(machine.buddy.scrub_some(FrameCount{1000}), FrameCount{412});
    EXPECT_EQ(machine.buddy.scrub_some(FrameCount{1000}), FrameCount{0});
    const MachineFrame frame = machine.buddy.allocate(Order{0}).take();
    ASSERT_TRUE(machine.buddy.free(frame, Order{0}).ok());  // merges one dirty frame with 511 clean ones
    EXPECT_EQ(machine.buddy.free_extents(), 1U);
    EXPECT_EQ(machine.buddy.counters().dirty, FrameCount{1});
    const MachineFrame extent = machine.buddy.take(extent_order).take();
    fill(extent, extent_order);
    BuddyAllocator::scrub(machine.nodes(), extent, extent_order);
    uint64_t cleared = 0;
    for (uint64_t i = 0; i < 512; ++i) {
        cleared += is_zero(extent + FrameCount{i}) ? 1 : 0;
    }
    EXPECT_EQ(cleared, 1U);
    EXPECT_TRUE(is_zero(frame));
}

// A bounded sequence of random operations against the simplest model there is: for each frame, who has it.
class RandomBuddyAllocator {
  public:
    RandomBuddyAllocator() : machine_(frame_count), random_(test::random_seed()), owner_(frame_count, unmanaged) {
        for (const auto &[first, count] : {std::pair<uint64_t, uint64_t>{1, 158}, {256, 1000}, {1300, 2400}}) {
            machine_.add(first, count);
            std::fill_n(owner_.begin() + static_cast<ptrdiff_t>(first), count, free_frame);
        }
    }

    void step() {
        switch (random_() % 16) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4:
            case 5:
                return allocate(false);
            case 6:
                return allocate(true);
            case 7:
            case 8:
            case 9:
            case 10:
            case 11:
                return release_block();
            case 12:
                return release_part();
            case 13:
                return release_wrongly();
            case 14:
                return allocate_at();
            default:
                scrub();
        }
    }

    void check_books() {
        ASSERT_TRUE(machine_.buddy.consistent());
        const auto free = std::count(owner_.begin(), owner_.end(), free_frame);
        ASSERT_EQ(machine_.buddy.free_frames(), FrameCount{static_cast<uint64_t>(free)});
    }

    void release_everything() {
        while (!blocks_.empty()) {
            release_block();
        }
    }
    uint64_t free_extents() const { return machine_.buddy.free_extents(); }
    uint64_t failures() const { return failures_; }

  private:
    static constexpr uint64_t frame_count = 4096;
    enum : int { unmanaged, free_frame, used };

    unsigned random_order() {  // small ones more often
        const unsigned order = static_cast<unsigned>(random_() % 12);
        return std::min(order, static_cast<unsigned>(random_() % 12));
    }

    // Places in a frame that every owner writes and the next must find zero.
    static std::array<uint64_t, 3> marked_words(uint64_t frame) { return {0, frame * 37 % 510 + 1, 511}; }

    // This very block, if it is free.
    void allocate_at() {
        const Order order{random_order()};
        const uint64_t size = order.frames().raw();
        const uint64_t first = random_() % frame_count / size * size;
        const auto block = machine_.buddy.take_at(MachineFrame{first}, order);
        const auto begin = owner_.begin() + static_cast<ptrdiff_t>(first);
        const bool is_free =
            std::all_of(begin, begin + static_cast<ptrdiff_t>(size), [](int o) { return o == free_frame; });
        const bool crosses = first < first_mebibyte && first + size > first_mebibyte;
        ASSERT_EQ(block.ok(), is_free && !crosses) << "order " << order.raw() << " at " << first;
        if (block.ok()) {
            std::fill(begin, begin + static_cast<ptrdiff_t>(size), int{used});
            blocks_[first] = order.raw();
        }
    }

    void allocate(bool limited) {
        const Order order{random_order()};
        const uint64_t limit = limited ? random_() % (frame_count + 64) : frame_count;
        auto &buddy = machine_.buddy;
        auto block = limited ? buddy.allocate_below(order, MachineAddress{limit << page_shift}) : buddy.allocate(order);
        if (!block.ok()) {
            ASSERT_EQ(block.error(), Error::out_of_memory);
            if (++failures_ % 8 == 0) {
                ASSERT_FALSE(model_has(order, limit)) << "order " << order.raw() << " limit " << limit;
            }
            return;
        }
        const uint64_t first = block.value().raw();
        ASSERT_EQ(first % order.frames().raw(), 0U);
        ASSERT_LE(first + order.frames().raw(), limit);
        for (uint64_t frame = first; frame < first + order.frames().raw(); ++frame) {
            ASSERT_EQ(owner_[frame], free_frame) << frame;
            owner_[frame] = used;
            for (const uint64_t word : marked_words(frame)) {
                ASSERT_EQ(pointer_to<uint64_t>(MachineFrame{frame})[word], 0U) << frame;
                pointer_to<uint64_t>(MachineFrame{frame})[word] = random_() | 1;
            }
        }
        blocks_[first] = order.raw();
    }

    // Is there an aligned run of free frames that a buddy system can hand out? (1 MiB is a border.)
    bool model_has(Order order, uint64_t limit) const {
        const uint64_t size = order.frames().raw();
        for (uint64_t first = 0; first + size <= std::min(limit, frame_count); first += size) {
            const auto begin = owner_.begin() + static_cast<ptrdiff_t>(first);
            const bool crosses = first < first_mebibyte && first + size > first_mebibyte;
            if (!crosses &&
                std::all_of(begin, begin + static_cast<ptrdiff_t>(size), [](int o) { return o == free_frame; })) {
                return true;
            }
        }
        return false;
    }

    std::map<uint64_t, unsigned>::iterator random_block() {
        const auto block = blocks_.lower_bound(random_() % frame_count);
        return block == blocks_.end() ? blocks_.begin() : block;
    }

    void release(uint64_t first, Order order) {
        const bool clean = random_() % 4 == 0;
        for (uint64_t frame = first; frame < first + order.frames().raw(); ++frame) {
            owner_[frame] = free_frame;
            if (clean) {
                clear_frame(MachineFrame{frame});
            }
        }
        auto &buddy = machine_.buddy;
        ASSERT_TRUE(
            (clean ? buddy.free_clean(MachineFrame{first}, order) : buddy.free(MachineFrame{first}, order)).ok());
    }

    void release_block() {
        if (blocks_.empty()) {
            return;
        }
        const auto block = random_block();
        const auto [first, order] = *block;
        blocks_.erase(block);
        release(first, Order{order});
    }

    // What is left of a block once a part of it is released: the largest blocks around the part.
    void keep_rest(uint64_t first, unsigned order, uint64_t part_first, unsigned part_order) {
        while (order > part_order) {
            --order;
            const uint64_t middle = first + (uint64_t{1} << order);
            const bool in_lower = part_first < middle;
            blocks_[in_lower ? middle : first] = order;
            first = in_lower ? first : middle;
        }
    }

    void release_part() {
        if (blocks_.empty()) {
            return;
        }
        const auto block = random_block();
        const auto [first, order] = *block;
        const Order part{static_cast<unsigned>(random_() % (order + 1))};
        const uint64_t parts = uint64_t{1} << (order - part.raw());
        const uint64_t part_first = first + random_() % parts * part.frames().raw();
        blocks_.erase(block);
        keep_rest(first, order, part_first, part.raw());
        release(part_first, part);
    }

    void release_wrongly() {
        const uint64_t frame = random_() % (frame_count + 16);
        if (frame >= frame_count || owner_[frame] != used) {
            ASSERT_FALSE(machine_.buddy.free(MachineFrame{frame}, Order{random_order()}).ok());
        }
    }

    void scrub() {
        const FrameCount before = machine_.buddy.counters().dirty;
        const FrameCount budget{random_() % 40};
        ASSERT_EQ(machine_.buddy.scrub_some(budget), std::min(before, budget));
        ASSERT_EQ(machine_.buddy.counters().dirty, before - std::min(before, budget));
    }

    Machine machine_;
    std::mt19937_64 random_;
    std::vector<int> owner_;
    std::map<uint64_t, unsigned> blocks_;  // first frame to order
    uint64_t failures_ = 0;
};

TEST(BuddyAllocator, AgreesWithAModelUnderAMillionRandomOperations) {
    RandomBuddyAllocator random;
    for (int i = 0; i < 1'200'000 && !testing::Test::HasFatalFailure(); ++i) {
        random.step();
        if (i % 4096 == 0) {
            random.check_books();
        }
    }
    EXPECT_GT(random.failures(), 1000U);  // memory was scarce at times
    random.check_books();
    random.release_everything();
    random.check_books();
    EXPECT_EQ(random.free_extents(), 1U + 4U);  // of 512..1256 one; of 1300..3700: 1536, 2048, 2560, 3072
}

}  // namespace
}  // namespace ringfold
