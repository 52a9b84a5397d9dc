// SPDX-License-Identifier: Apache-2.0
//
// Each rule of page_table.h with the entry or operation that breaks it: the exact error, and nothing changed.
#include "hypervisor/mm/entry_rules.hpp"
#include "tests/unit/memory_world.hpp"

#include <functional>
#include <string>

namespace ringfold::test {
namespace {

constexpr MachineFrame l4{MemoryWorld::a_first.raw() + 0};
constexpr MachineFrame l3{MemoryWorld::a_first.raw() + 1};
constexpr MachineFrame l2{MemoryWorld::a_first.raw() + 2};
constexpr MachineFrame l1{MemoryWorld::a_first.raw() + 3};
constexpr MachineFrame data{MemoryWorld::a_first.raw() + 16};
constexpr MachineFrame spare{MemoryWorld::a_first.raw() + 17};

// A pinned L4 with one table of each level below it; the L1 maps `data` writable at 0 and read-only at 1, and itself
// read-only at 2.
class PageTableRules : public ::testing::Test {
  protected:
    PageTableRules() {
        MemoryWorld::words(l4)[0] = MemoryWorld::entry(l3, present | writable | user);
        MemoryWorld::words(l3)[0] = MemoryWorld::entry(l2, present | writable | user);
        MemoryWorld::words(l2)[0] = MemoryWorld::entry(l1, present | writable | user);
        MemoryWorld::words(l1)[0] = MemoryWorld::entry(data, present | writable);
        MemoryWorld::words(l1)[1] = MemoryWorld::entry(data, present);
        MemoryWorld::words(l1)[2] = MemoryWorld::entry(l1, present);
        EXPECT_TRUE(world.pin(world.a(), l4, 4).ok());
    }
    ~PageTableRules() override { EXPECT_EQ(world.audit_findings(), 0U); }

    struct Snapshot {
        std::vector<uint64_t> words;
        bool operator==(const Snapshot &) const = default;
    };
    // All accounting, and the contents of the tables.
    static Snapshot snapshot() {
        Snapshot taken;
        for (MachineFrame frame{0}; frame < frame_table::end(); ++frame) {
            taken.words.push_back(MemoryWorld::state(frame).raw());
            taken.words.push_back(frame_table::at(frame).owner().raw());
            if (frame_table::is_extent_aligned(frame)) {
                taken.words.push_back(MemoryWorld::extent(frame).raw());
            }
        }
        for (const MachineFrame table : {l4, l3, l2, l1, spare}) {
            taken.words.insert(taken.words.end(), MemoryWorld::words(table), MemoryWorld::words(table) + table_entries);
        }
        return taken;
    }

    void expect_refused(Error error, const std::function<Result<void>()> &operation, const std::string &what) {
        const Snapshot before = snapshot();
        const auto result = operation();
        ASSERT_FALSE(result.ok()) << what;
        EXPECT_EQ(result.error(), error) << what;
        EXPECT_TRUE(snapshot() == before) << what << ": something changed";
    }
    void expect_set_refused(Error error, MachineFrame table, unsigned index, uint64_t value, const std::string &what) {
        expect_refused(
            error, [&] { return world.set(world.a(), table, index, value); }, what + " (set)");
        expect_refused(
            error, [&] { return world.set_keep(world.a(), table, index, value); }, what + " (set, keep)");
    }
    // The same entry found when a frame is validated.
    void expect_pin_refused(Error error, unsigned level, unsigned index, uint64_t value, const std::string &what) {
        MemoryWorld::words(spare)[index] = value;
        expect_refused(
            error, [&] { return world.pin(world.a(), spare, level); }, what + " (pin)");
        MemoryWorld::words(spare)[index] = 0;
    }

    MemoryWorld world;
};

TEST_F(PageTableRules, TheTablesHaveTheirTypes) {
    EXPECT_EQ(MemoryWorld::state(l4).type(), FrameType::l4);
    EXPECT_EQ(MemoryWorld::state(l3).type(), FrameType::l3);
    EXPECT_EQ(MemoryWorld::state(l2).type(), FrameType::l2);
    EXPECT_EQ(MemoryWorld::state(l1).type(), FrameType::l1);
    EXPECT_TRUE(MemoryWorld::state(l4).pinned());
    EXPECT_EQ(MemoryWorld::state(data).type(), FrameType::writable);
    EXPECT_EQ(MemoryWorld::state(data).type_count(), 1U);
    EXPECT_EQ(MemoryWorld::state(data).references(), 3U);
    EXPECT_EQ(MemoryWorld::state(l1).references(), 3U);
    EXPECT_EQ(MemoryWorld::extent(l1).page_tables(), 4U);
}

TEST_F(PageTableRules, PresentEntriesThatNoLevelMayHave) {
    const uint64_t leaf = MemoryWorld::entry(data, present);
    struct Case {
        const char *what;
        uint64_t flags;
    };
    for (const Case &refused :
         {Case{"global", RINGFOLD_ENTRY_GLOBAL}, Case{"write-through", RINGFOLD_ENTRY_WRITE_THROUGH},
          Case{"cache disable", RINGFOLD_ENTRY_CACHE_DISABLE}, Case{"PAT", RINGFOLD_ENTRY_BIG},
          Case{"bit 59", 1ULL << 59}, Case{"bit 60", 1ULL << 60}, Case{"bit 61", 1ULL << 61},
          Case{"bit 62", 1ULL << 62}}) {
        expect_set_refused(Error::access_denied, l1, 7, leaf | refused.flags, refused.what);
        expect_pin_refused(Error::access_denied, 1, 7, leaf | refused.flags, refused.what);
    }
    for (const Case &refused :
         {Case{"global", RINGFOLD_ENTRY_GLOBAL}, Case{"write-through", RINGFOLD_ENTRY_WRITE_THROUGH},
          Case{"cache disable", RINGFOLD_ENTRY_CACHE_DISABLE}, Case{"bit 62", 1ULL << 62}}) {
        expect_set_refused(Error::access_denied, l2, 7, MemoryWorld::entry(l1, present) | refused.flags, refused.what);
        expect_set_refused(Error::access_denied, l3, 7, MemoryWorld::entry(l2, present) | refused.flags, refused.what);
        expect_set_refused(Error::access_denied, l4, 7, MemoryWorld::entry(l3, present) | refused.flags, refused.what);
        expect_set_refused(Error::access_denied, l2, 7,
                           MemoryWorld::entry(MemoryWorld::a_whole, present | big) | refused.flags, refused.what);
    }
}

TEST_F(PageTableRules, BigEntries) {
    const uint64_t whole = MemoryWorld::entry(MemoryWorld::a_whole, present | big);
    expect_set_refused(Error::access_denied, l4, 7, whole, "PS in an L4");
    expect_set_refused(Error::access_denied, l3, 7, whole, "PS in an L3 (1 GiB)");
    expect_set_refused(Error::access_denied, l2, 7, whole + page_size, "PAT of a big entry");
    expect_set_refused(Error::access_denied, l2, 7, whole + 2 * page_size, "unaligned");
    expect_set_refused(Error::access_denied, l2, 7, MemoryWorld::entry(MemoryWorld::a_mixed, present | big),
                       "not all ours");
    expect_set_refused(Error::access_denied, l2, 7, MemoryWorld::entry(MachineFrame{0}, present | big), "hypervisor's");
    expect_set_refused(
        Error::access_denied, l2, 7,
        MemoryWorld::entry(MachineFrame{align_down(MemoryWorld::device_first.raw(), 512)}, present | big), "no RAM");
    expect_set_refused(Error::busy, l2, 7, MemoryWorld::entry(MemoryWorld::a_first, present | writable | big),
                       "writable over page tables");
    EXPECT_TRUE(world.set(world.a(), l2, 7, MemoryWorld::entry(MemoryWorld::a_first, present | big)).ok())
        << "read-only over page tables is fine";
    EXPECT_TRUE(world.set(world.a(), l2, 8, whole | writable).ok());
    expect_refused(
        Error::busy, [&] { return world.pin(world.a(), MemoryWorld::a_whole + FrameCount{5}, 1); },
        "a page table under a big writable mapping");
    expect_refused(
        Error::busy, [&] { return release_frame(world.a(), MemoryWorld::a_whole + FrameCount{5}); },
        "release under a big writable mapping");
    expect_refused(
        Error::busy, [&] { return release_frame(world.a(), data + FrameCount{5}); },
        "release under a big read-only mapping");
    EXPECT_TRUE(world.set(world.a(), l2, 8, 0).ok());
    EXPECT_TRUE(release_frame(world.a(), MemoryWorld::a_whole + FrameCount{5}).ok());
    expect_set_refused(Error::access_denied, l2, 8, whole, "an extent with a frame given up");
}

// B came to its frames of the extent while they counted for A.
TEST_F(PageTableRules, AnExtentThatHadSeveralOwnersIsMappedBigByItsLast) {
    constexpr FrameCount of_a = MemoryWorld::b_first - MemoryWorld::a_mixed;
    constexpr FrameCount of_nobody = MemoryWorld::a_mixed + FrameCount{frames_per_extent} - MemoryWorld::free_first;
    for (MachineFrame frame = MemoryWorld::a_mixed; frame < MemoryWorld::b_first; ++frame) {
        ASSERT_TRUE(release_frame(world.a(), frame).ok());
    }
    const MachineFrame table = MemoryWorld::b_first;
    MemoryWorld::words(table)[0] = MemoryWorld::entry(MemoryWorld::a_mixed, present | big);
    EXPECT_FALSE(world.pin(world.b(), table, 2).ok()) << "not yet all of it";
    ASSERT_TRUE(assign_frames(world.b(), MemoryWorld::free_first, of_nobody).ok());
    ASSERT_TRUE(assign_frames(world.b(), MemoryWorld::a_mixed, of_a).ok());
    EXPECT_LT(MemoryWorld::extent(table).owned(), frames_per_extent) << "else this shows nothing";
    EXPECT_TRUE(world.pin(world.b(), table, 2).ok());
    EXPECT_EQ(MemoryWorld::extent(table).owned(), frames_per_extent);
    EXPECT_EQ(MemoryWorld::extent(table).big_read_only(), 1U);
}

TEST_F(PageTableRules, BigPagesAreNotExecutableWhereTheProcessorCannotBearIt) {
    set_paging_limits({.cache_address_bits = 52, .big_pages_executable = false});
    const uint64_t whole = MemoryWorld::entry(MemoryWorld::a_whole, present | big);
    expect_set_refused(Error::access_denied, l2, 7, whole, "executable big page");
    EXPECT_TRUE(world.set(world.a(), l2, 7, whole | RINGFOLD_ENTRY_NO_EXECUTE).ok());
    expect_refused(
        Error::access_denied, [&] { return world.run(world.a(), l2, 7, 1, 0, RINGFOLD_ENTRY_NO_EXECUTE); },
        "made executable");
    set_paging_limits({});
}

TEST_F(PageTableRules, FramesOfOthers) {
    struct Case {
        const char *what;
        MachineFrame frame;
    };
    for (const Case &foreign :
         {Case{"hypervisor's", MemoryWorld::hypervisor_frame}, Case{"domain B's", MemoryWorld::b_first},
          Case{"nobody's", MemoryWorld::free_first}, Case{"no RAM", MachineFrame{0xfe000}},
          Case{"frame 0", MachineFrame{0}}, Case{"past all addresses", MachineFrame{0xff'ffff'ffff}}}) {
        expect_set_refused(Error::access_denied, l1, 7, MemoryWorld::entry(foreign.frame, present), foreign.what);
        expect_set_refused(Error::access_denied, l1, 7, MemoryWorld::entry(foreign.frame, present | writable),
                           foreign.what);
        expect_set_refused(Error::access_denied, l2, 7, MemoryWorld::entry(foreign.frame, present), foreign.what);
        expect_set_refused(Error::access_denied, l4, 7, MemoryWorld::entry(foreign.frame, present), foreign.what);
        expect_pin_refused(Error::access_denied, 1, 7, MemoryWorld::entry(foreign.frame, present), foreign.what);
        expect_refused(
            Error::bad_frame, [&] { return world.pin(world.a(), foreign.frame, 1); }, foreign.what);
        expect_refused(
            Error::bad_frame, [&] { return world.unpin(world.a(), foreign.frame); }, foreign.what);
        expect_refused(
            Error::bad_frame, [&] { return world.load(world.a(), foreign.frame); }, foreign.what);
        expect_refused(
            Error::bad_frame, [&] { return release_frame(world.a(), foreign.frame); }, foreign.what);
        expect_refused(
            Error::bad_frame,
            [&]() -> Result<void> {
                static_cast<void>(TRY(hold_writable(world.a(), foreign.frame)));
                return {};
            },
            foreign.what);
    }
    expect_refused(
        Error::bad_frame, [&] { return world.set(world.b(), l1, 7, 0); }, "an entry in A's table, by B");
    expect_refused(
        Error::bad_frame, [&] { return world.pin(world.a(), MachineFrame{UINT64_MAX}, 1); }, "wild number");
}

TEST_F(PageTableRules, DevicesMayBeMappedByWhoOwnsThemWithAnyCaching) {
    const uint64_t caching = RINGFOLD_ENTRY_CACHE_DISABLE | RINGFOLD_ENTRY_WRITE_THROUGH | RINGFOLD_ENTRY_BIG;
    const uint64_t device = MemoryWorld::entry(MemoryWorld::device_first + FrameCount{15}, present | writable);
    EXPECT_TRUE(world.set(world.a(), l1, 7, device | caching).ok());
    EXPECT_TRUE(world.set(world.a(), l1, 7, device).ok());
    EXPECT_TRUE(world.set(world.a(), l1, 7, 0).ok());
    expect_set_refused(Error::access_denied, l1, 7,
                       MemoryWorld::entry(MemoryWorld::device_first + FrameCount{16}, present), "the next device");
    expect_set_refused(Error::access_denied, l2, 7, MemoryWorld::entry(MemoryWorld::device_first, present),
                       "a device as a table");
    EXPECT_EQ(world.a().allow_devices(data, FrameCount{1}).error(), Error::out_of_range);
}

TEST_F(PageTableRules, Slot256) {
    for (const uint64_t value : {MemoryWorld::entry(l3, present | writable), uint64_t{2}, uint64_t{1} << 63, user}) {
        expect_set_refused(Error::access_denied, l4, 256, value, "slot 256");
        expect_pin_refused(Error::access_denied, 4, 256, value, "slot 256");
    }
    EXPECT_TRUE(world.set(world.a(), l4, 256, 0).ok()) << "0 is what it must be";
    EXPECT_TRUE(world.set(world.a(), l3, 256, MemoryWorld::entry(l2, present)).ok()) << "other levels have no slot";
}

TEST_F(PageTableRules, NonPresentEntriesAreHarmlessToL1TerminalFault) {
    for (const MachineFrame table : {l4, l3, l2, l1}) {
        expect_set_refused(Error::access_denied, table, 7, MemoryWorld::entry(data, 0), "names RAM");
        expect_set_refused(Error::access_denied, table, 7, MemoryWorld::entry(MemoryWorld::hypervisor_frame, writable),
                           "");
        EXPECT_TRUE(world.set(world.a(), table, 7, 0xffe).ok() || table != l1) << "flags only";
        EXPECT_TRUE(world.set(world.a(), table, 7, ~MemoryWorld::entry(data, present) & ~uint64_t{present}).ok())
            << "inverted";
        EXPECT_TRUE(world.set(world.a(), table, 7, 0).ok());
    }
    for (const MachineFrame table : {l3, l2}) {
        expect_set_refused(Error::access_denied, table, 7, big, "PS and 0 read as the first big page");
    }
    set_paging_limits({.cache_address_bits = 46, .big_pages_executable = true});
    expect_set_refused(Error::access_denied, l1, 7, MemoryWorld::entry(data, 0) | uint64_t{1} << 51,
                       "a bit that the cache does not look at");
    EXPECT_TRUE(world.set(world.a(), l1, 7, MemoryWorld::entry(data, 0) | uint64_t{1} << 45).ok());
    set_paging_limits({});
}

TEST_F(PageTableRules, PageTablesAreNeverWritable) {
    for (const MachineFrame table : {l4, l3, l2, l1}) {
        expect_set_refused(Error::busy, l1, 7, MemoryWorld::entry(table, present | writable), "a page table, writable");
        expect_refused(
            Error::busy,
            [&]() -> Result<void> {
                static_cast<void>(TRY(hold_writable(world.a(), table)));
                return {};
            },
            "held writable");
        EXPECT_TRUE(world.set(world.a(), l1, 7, MemoryWorld::entry(table, present)).ok());
        expect_refused(
            Error::busy, [&] { return world.run(world.a(), l1, 7, 1, writable, writable); }, "by its flags");
        EXPECT_TRUE(world.set(world.a(), l1, 7, 0).ok());
    }
    expect_set_refused(Error::busy, l2, 7, MemoryWorld::entry(data, present), "a writable frame as a table");
    expect_refused(
        Error::busy, [&] { return world.pin(world.a(), data, 1); }, "a writable frame pinned");
    MemoryWorld::words(spare)[5] = MemoryWorld::entry(spare, present | writable);
    expect_refused(
        Error::busy, [&] { return world.pin(world.a(), spare, 1); }, "a table that maps itself writable");
}

TEST_F(PageTableRules, NoLinearPageTables) {
    expect_set_refused(Error::busy, l4, 7, MemoryWorld::entry(l4, present), "an L4 in itself");
    expect_set_refused(Error::busy, l4, 7, MemoryWorld::entry(l2, present), "an L2 in an L4");
    expect_set_refused(Error::busy, l2, 7, MemoryWorld::entry(l2, present), "an L2 in itself");
    expect_set_refused(Error::busy, l3, 7, MemoryWorld::entry(l4, present), "an L4 in an L3");
    expect_pin_refused(Error::busy, 4, 7, MemoryWorld::entry(spare, present), "an L4 that names itself");
}

TEST_F(PageTableRules, Pins) {
    expect_refused(
        Error::already_exists, [&] { return world.pin(world.a(), l4, 4); }, "pinned twice");
    expect_refused(
        Error::not_found, [&] { return world.unpin(world.a(), l3); }, "not pinned");
    expect_refused(
        Error::busy, [&] { return world.pin(world.a(), l3, 2); }, "an L3 as an L2");
    expect_refused(
        Error::invalid_argument, [&] { return world.pin(world.a(), spare, 0); }, "level 0");
    expect_refused(
        Error::invalid_argument, [&] { return world.pin(world.a(), spare, 5); }, "level 5");
    EXPECT_TRUE(world.pin(world.a(), l1, 1).ok());
    EXPECT_TRUE(world.unpin(world.a(), l4).ok());
    EXPECT_EQ(MemoryWorld::state(l4), FrameState{}.add_reference());
    EXPECT_EQ(MemoryWorld::state(l2), FrameState{}.add_reference());
    EXPECT_EQ(MemoryWorld::state(l1).type(), FrameType::l1);
    expect_set_refused(Error::not_found, l2, 7, 0, "an entry of no table any more");
    EXPECT_TRUE(world.set(world.a(), l1, 0, 0).ok());
    EXPECT_TRUE(world.unpin(world.a(), l1).ok());
    EXPECT_EQ(MemoryWorld::extent(l1).page_tables(), 0U);
}

TEST_F(PageTableRules, Operations) {
    expect_refused(
        Error::invalid_argument, [&] { return world.apply(world.a(), {.operation = 8}); }, "no such operation");
    expect_refused(
        Error::invalid_argument,
        [&] {
            return world.apply(world.a(), {.operation = RINGFOLD_PAGE_TABLE_SET, .address = address_of(l1).raw() + 4});
        },
        "unaligned");
    expect_refused(
        Error::not_found, [&] { return world.set(world.a(), data, 0, 0); }, "not a page table");
    expect_refused(
        Error::bad_frame,
        [&] { return world.apply(world.a(), {.operation = RINGFOLD_PAGE_TABLE_SET, .address = uint64_t{0} - 8}); },
        "far away");
    expect_refused(
        Error::invalid_argument, [&] { return world.load(world.a(), l4, 2); }, "neither keep nor flush");
    expect_refused(
        Error::busy, [&] { return world.load(world.a(), l3); }, "an L3 as root");
    EXPECT_FALSE(world.root);
    EXPECT_TRUE(world.load(world.a(), l4, RINGFOLD_ROOT_KEEP).ok());
    EXPECT_EQ(world.root.frame(), l4);
    EXPECT_EQ(world.last_caching, RootCaching::keep);
    world.root = TypeReference{};
}

TEST_F(PageTableRules, Flushes) {
    const auto flush = [&](uint32_t scope, uint64_t address, uint64_t pages, uint64_t mask) {
        return world.apply(
            world.a(),
            {.operation = RINGFOLD_PAGE_TABLE_FLUSH, .count = scope, .address = address, .value = pages, .mask = mask});
    };
    EXPECT_TRUE(flush(RINGFOLD_FLUSH_VCPUS, 0xffff'ffff'ffff'f000, 1, 5).ok());
    ASSERT_EQ(world.guest_flushes.size(), 1U);
    EXPECT_EQ(world.guest_flushes[0].scope, FlushScope::vcpus);
    EXPECT_EQ(world.guest_flushes[0].vcpus, 5U);
    EXPECT_EQ(world.guest_flushes[0].pages, 1U);
    EXPECT_EQ(flush(3, 0, 0, 0).error(), Error::invalid_argument);
    EXPECT_EQ(flush(0, 0x1001, 1, 0).error(), Error::invalid_argument);
    EXPECT_EQ(flush(0, 0x8000'0000'0000, 1, 0).error(), Error::invalid_argument);
    EXPECT_EQ(flush(0, 0x7fff'ffff'f000, 2, 0).error(), Error::invalid_argument);
    EXPECT_EQ(flush(0, 0xffff'ffff'ffff'f000, 2, 0).error(), Error::invalid_argument);
    EXPECT_EQ(flush(0, 0, uint64_t{1} << 52, 0).error(), Error::invalid_argument);
    EXPECT_EQ(world.guest_flushes.size(), 1U);
    EXPECT_TRUE(flush(RINGFOLD_FLUSH_ALL, 1, 0, 0).ok()) << "without pages the address means nothing";
}

TEST_F(PageTableRules, FlagRunsAreAllOrNothing) {
    for (unsigned index = 100; index < 164; ++index) {
        ASSERT_TRUE(world.set(world.a(), l1, index, MemoryWorld::entry(spare + FrameCount{index}, present)).ok());
    }
    ASSERT_TRUE(world.set(world.a(), l1, 163, MemoryWorld::entry(l2, present)).ok());
    expect_refused(
        Error::busy, [&] { return world.run(world.a(), l1, 100, 64, writable, writable); }, "the last is a table");
    const auto refused_run = [&](unsigned index, uint32_t count, uint64_t mask, const char *what) {
        expect_refused(
            Error::invalid_argument, [&] { return world.run(world.a(), l1, index, count, 0, mask); }, what);
    };
    refused_run(100, 0, writable, "empty");
    refused_run(0, 513, writable, "longer than a table");
    refused_run(500, 13, writable, "past the table");
    for (const uint64_t mask : {present, big, uint64_t{RINGFOLD_ENTRY_GLOBAL}, uint64_t{1} << 12, uint64_t{1} << 59,
                                uint64_t{RINGFOLD_ENTRY_CACHE_DISABLE}, uint64_t{RINGFOLD_ENTRY_WRITE_THROUGH}}) {
        refused_run(100, 1, mask, "mask");
    }
    EXPECT_TRUE(world.run(world.a(), l1, 100, 63, ~uint64_t{0}, writable | RINGFOLD_ENTRY_NO_EXECUTE).ok());
    EXPECT_EQ(MemoryWorld::words(l1)[162],
              MemoryWorld::entry(spare + FrameCount{162}, present | writable) | 1ULL << 63);
    EXPECT_EQ(MemoryWorld::state(spare + FrameCount{162}).type(), FrameType::writable);
    EXPECT_TRUE(world.run(world.a(), l1, 0, 512, 0, writable).ok());
    EXPECT_EQ(MemoryWorld::state(spare + FrameCount{162}).type(), FrameType::none);
    EXPECT_EQ(MemoryWorld::words(l1)[0], MemoryWorld::entry(data, present));
    EXPECT_EQ(MemoryWorld::words(l1)[3], 0U) << "non-present entries are passed over";
    EXPECT_TRUE(world.run(world.a(), l2, 0, 512, 0, user).ok());
    EXPECT_EQ(MemoryWorld::words(l2)[0], MemoryWorld::entry(l1, present | writable | user)) << "tables are passed over";
}

TEST_F(PageTableRules, AccessedAndDirtyBitsStay) {
    MemoryWorld::words(l1)[0] |= RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY;  // as the processor would
    EXPECT_TRUE(world.set_keep(world.a(), l1, 0, MemoryWorld::entry(data, present)).ok());
    EXPECT_EQ(MemoryWorld::words(l1)[0],
              MemoryWorld::entry(data, present | RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY));
    EXPECT_TRUE(world.set_keep(world.a(), l1, 0, MemoryWorld::entry(spare, present)).ok());
    EXPECT_EQ(MemoryWorld::words(l1)[0], MemoryWorld::entry(spare, present)) << "another frame";
    MemoryWorld::words(l1)[0] |= RINGFOLD_ENTRY_DIRTY;
    EXPECT_TRUE(world.set(world.a(), l1, 0, MemoryWorld::entry(spare, present)).ok());
    EXPECT_EQ(MemoryWorld::words(l1)[0], MemoryWorld::entry(spare, present)) << "plain SET replaces";
    MemoryWorld::words(l1)[0] |= RINGFOLD_ENTRY_DIRTY;
    EXPECT_TRUE(world.run(world.a(), l1, 0, 1, writable, writable).ok());
    EXPECT_EQ(MemoryWorld::words(l1)[0], MemoryWorld::entry(spare, present | writable | RINGFOLD_ENTRY_DIRTY));
}

TEST_F(PageTableRules, ABatchStopsAtTheFirstRefusedOperation) {
    const std::array<ringfold_page_table_operation, 3> operations{{
        {.operation = RINGFOLD_PAGE_TABLE_SET,
         .address = MemoryWorld::entry_address(l1, 20).raw(),
         .value = MemoryWorld::entry(spare, present)},
        {.operation = RINGFOLD_PAGE_TABLE_SET,
         .address = MemoryWorld::entry_address(l1, 21).raw(),
         .value = MemoryWorld::entry(l1, present | writable)},
        {.operation = RINGFOLD_PAGE_TABLE_SET,
         .address = MemoryWorld::entry_address(l1, 22).raw(),
         .value = MemoryWorld::entry(spare, present)},
    }};
    auto copy = operations;
    const BatchResult result = apply_page_table_batch(world.a(), copy, world.actions());
    EXPECT_EQ(result.done, 1U);
    EXPECT_EQ(result.result.error(), Error::busy);
    EXPECT_EQ(MemoryWorld::words(l1)[20], MemoryWorld::entry(spare, present));
    EXPECT_EQ(MemoryWorld::words(l1)[21], 0U);
    EXPECT_EQ(MemoryWorld::words(l1)[22], 0U);
}

// What the processor has set meanwhile is told, and a refused exchange tells nothing.
TEST_F(PageTableRules, ExchangeTellsWhatItReplaced) {
    const uint64_t mapping = MemoryWorld::entry(spare, present | writable);
    ASSERT_TRUE(world.set(world.a(), l1, 20, mapping).ok());
    constexpr uint64_t dirty = RINGFOLD_ENTRY_ACCESSED | RINGFOLD_ENTRY_DIRTY;
    MemoryWorld::words(l1)[20] |= dirty;
    EXPECT_EQ(world.exchange(world.a(), l1, 20, MemoryWorld::entry(l1, present | writable)).error(), Error::busy);
    EXPECT_EQ(MemoryWorld::words(l1)[20], mapping | dirty);
    EXPECT_EQ(world.exchange(world.a(), l1, 20, MemoryWorld::entry(spare, present)).value(), mapping | dirty);
    EXPECT_EQ(world.exchange(world.a(), l1, 20, 0).value(), MemoryWorld::entry(spare, present));
    EXPECT_EQ(MemoryWorld::words(l1)[20], 0U);
}

// XSA-style: a count that wraps would free a frame that is still mapped.
TEST_F(PageTableRules, CountsDoNotOverflow) {
    FrameInfo &info = frame_table::at(spare);
    const FrameState before = info.state();
    info.set_state(FrameState{FrameState::reference_limit});
    expect_set_refused(Error::limit_reached, l1, 7, MemoryWorld::entry(spare, present), "references");
    expect_set_refused(Error::limit_reached, l1, 7, MemoryWorld::entry(spare, present | writable), "references");
    expect_refused(
        Error::limit_reached, [&] { return world.pin(world.a(), spare, 1); }, "references, as a table");
    info.set_state(
        FrameState{FrameState::type_limit << 29 | (FrameState::type_limit + 1)}.with_type(FrameType::writable));
    expect_set_refused(Error::limit_reached, l1, 7, MemoryWorld::entry(spare, present | writable), "type");
    info.set_state(before);

    Extent &extent = frame_table::extent_of(MemoryWorld::a_whole);
    const ExtentState extent_before = extent.state();
    const uint64_t whole = MemoryWorld::entry(MemoryWorld::a_whole, present | big);
    extent.set_state({DomainId{1}, 512, true, ExtentState::exclusive_limit, ExtentState::read_only_limit});
    expect_set_refused(Error::limit_reached, l2, 7, whole, "big read-only");
    expect_set_refused(Error::limit_reached, l2, 7, whole | writable, "big writable");
    extent.set_state(extent_before);

    FrameInfo &table = frame_table::at(l1);
    const FrameState table_before = table.state();
    table.set_state(FrameState{table_before.raw() | FrameState::reference_limit});
    expect_set_refused(Error::limit_reached, l2, 7, MemoryWorld::entry(l1, present), "uses of a table");
    table.set_state(table_before);
}

TEST_F(PageTableRules, MapsAndUnmapsBalance) {
    const FrameState before = MemoryWorld::state(spare);
    for (int round = 0; round < 3; ++round) {
        for (const uint64_t flags : {present, present | writable, present | writable | user, present, uint64_t{0}}) {
            const uint64_t value = flags == 0 ? 0 : MemoryWorld::entry(spare, flags);
            ASSERT_TRUE(world.set(world.a(), l1, 30, value).ok());
            ASSERT_TRUE(world.set_keep(world.a(), l1, 30, value).ok());
            EXPECT_EQ(MemoryWorld::state(spare).references(), before.references() + (flags != 0 ? 1 : 0));
            EXPECT_EQ(MemoryWorld::state(spare).type_count(), (flags & writable) != 0 ? 1U : 0U);
        }
    }
    EXPECT_EQ(MemoryWorld::state(spare), before);
}

TEST_F(PageTableRules, FramesInUseAreNotReleased) {
    expect_refused(
        Error::busy, [&] { return release_frame(world.a(), data); }, "mapped");
    expect_refused(
        Error::busy, [&] { return release_frame(world.a(), l4); }, "pinned");
    expect_refused(
        Error::busy, [&] { return release_frame(world.a(), l1); }, "a table");
    {
        const TypeReference held = hold_writable(world.a(), spare).take();
        EXPECT_EQ(release_frame(world.a(), spare).error(), Error::busy);
        EXPECT_EQ(world.pin(world.a(), spare, 1).error(), Error::busy);
    }
    const FrameCount owned = world.a().owned();
    EXPECT_TRUE(release_frame(world.a(), spare).ok());
    EXPECT_EQ(world.a().owned() + FrameCount{1}, owned);
    expect_refused(
        Error::bad_frame, [&] { return release_frame(world.a(), spare); }, "released twice");
    EXPECT_TRUE(assign_frames(world.b(), spare, FrameCount{1}).ok());
    EXPECT_EQ(assign_frames(world.a(), spare, FrameCount{1}).error(), Error::already_exists);
    world.a().set_maximum(world.a().owned());
    EXPECT_EQ(assign_frames(world.a(), MemoryWorld::free_first, FrameCount{1}).error(), Error::out_of_memory);
    EXPECT_EQ(assign_frames(world.b(), MachineFrame{UINT64_MAX - 1}, FrameCount{2}).error(), Error::bad_frame);
}

// A table that is held only by the interrupted validation of the one above it. A writable mapping of that one undoes
// it, and with it the table in which the mapping was to be.
class HeldByAnInterruptedTable : public PageTableRules {
  protected:
    HeldByAnInterruptedTable() {
        MemoryWorld::words(parent)[0] = MemoryWorld::entry(table, present | writable);
        MemoryWorld::words(table)[3] = MemoryWorld::entry(parent, present);
        MemoryWorld::words(table)[7] = MemoryWorld::entry(data, present | writable);
        world.machine.preemption_due = [] { return true; };
        while (!MemoryWorld::state(table).validated()) {
            EXPECT_EQ(pin_table(world.a(), parent, Level::l2).error(), Error::again);
        }
        EXPECT_TRUE(MemoryWorld::state(parent).partial());
        world.machine.preemption_due = [] { return false; };
    }
    void expect_gone() {
        EXPECT_EQ(MemoryWorld::state(table).type(), FrameType::none);
        EXPECT_EQ(MemoryWorld::state(parent).type(), FrameType::none);
        EXPECT_EQ(MemoryWorld::words(table)[3], MemoryWorld::entry(parent, present));
        EXPECT_EQ(MemoryWorld::words(table)[7], MemoryWorld::entry(data, present | writable));
    }

    static constexpr MachineFrame parent = spare;
    static constexpr MachineFrame table{spare.raw() + 1};
};

TEST_F(HeldByAnInterruptedTable, ASetFindsNoTableAnyMore) {
    EXPECT_EQ(world.set(world.a(), table, 7, MemoryWorld::entry(parent, present | writable)).error(), Error::not_found);
    expect_gone();
}

TEST_F(HeldByAnInterruptedTable, ARunFindsNoTableAnyMore) {
    EXPECT_EQ(world.run(world.a(), table, 0, 16, writable, writable).error(), Error::not_found);
    expect_gone();
}

TEST_F(PageTableRules, FramesAreDescribed) {
    const ringfold_frame_info info = describe_frame(world.a(), data).take();
    EXPECT_EQ(info.type, RINGFOLD_FRAME_WRITABLE);
    EXPECT_EQ(info.type_count, 1U);
    EXPECT_EQ(info.reference_count, 2U);
    EXPECT_EQ(describe_frame(world.a(), l4).take().pinned, 1U);
    EXPECT_EQ(describe_frame(world.a(), MemoryWorld::b_first).error(), Error::bad_frame);
}

}  // namespace
}  // namespace ringfold::test
