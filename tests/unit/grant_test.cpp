// SPDX-License-Identifier: Apache-2.0
//
// Grants, rule by rule: what is refused, with which error, and that nothing changed then.
#include "hypervisor/grant/copy.hpp"
#include "hypervisor/grant/map.hpp"
#include "hypervisor/grant/transfer.hpp"
#include "hypervisor/mm/machine_to_physical.hpp"
#include "tests/unit/grant_world.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

namespace ringfold::test {
namespace {

constexpr unsigned granter = 0;
constexpr unsigned borrower = 1;
constexpr unsigned third = 2;
constexpr unsigned reference = 7;
constexpr uint32_t in_use = RINGFOLD_GRANT_READING | RINGFOLD_GRANT_WRITING;

class Grant : public ::testing::Test {
  protected:
    ~Grant() override {
        EXPECT_EQ(world.audit_findings(), 0U);
        EXPECT_EQ(world.machine.check_caches(), "");
    }

    struct Mapped {
        Result<void> result;
        ringfold_grant_map_element element;
    };
    Mapped map(unsigned who, unsigned from, uint32_t which, uint16_t flags = 0) {
        ringfold_grant_map_element element{.domain = world.id(from).raw(), .flags = flags, .reference = which};
        element.frame = 0xa5a5;
        element.handle = 0xa5a5;
        auto result = GrantWorld::retry([&] { return map_grant(world.grants(who), element, GrantWorld::find); });
        if (!result.ok()) {
            EXPECT_EQ(element.frame, 0U);
            EXPECT_EQ(element.handle, 0U);
        }
        return {std::move(result), element};
    }
    uint32_t must_map(unsigned who, unsigned from, uint32_t which, uint16_t flags = 0) {
        const Mapped mapped = map(who, from, which, flags);
        EXPECT_TRUE(mapped.result.ok());
        return mapped.element.handle;
    }
    Result<void> unmap(unsigned who, uint32_t handle) { return unmap_grant(world.grants(who), {.handle = handle}); }
    void refuse(const Result<void> &result, Error error, const char *what) {
        ASSERT_FALSE(result.ok()) << what;
        EXPECT_EQ(static_cast<int>(result.error()), static_cast<int>(error)) << what;
    }
    static uint32_t control(unsigned who, unsigned which) { return GrantWorld::entry(who, which).control; }
    void walk_everywhere() {
        for (SimulatedCpu &cpu : world.machine.cpus()) {
            for (int walks = 0; walks < 64; ++walks) {
                cpu.walk(random);
            }
        }
    }

    GrantWorld world;
    Random random{1};
    const MachineFrame data = GrantWorld::frame(granter, GrantWorld::first_data);
    const MachineFrame own = GrantWorld::frame(borrower, GrantWorld::first_data);
};

TEST_F(Grant, AMapLetsTheBorrowerMapTheFrame) {
    world.grant(granter, reference, borrower, data);
    refuse(world.set(borrower, 0, GrantWorld::read_only(data)), Error::access_denied, "before the map");
    const Mapped mapped = map(borrower, granter, reference);
    ASSERT_TRUE(mapped.result.ok());
    EXPECT_EQ(mapped.element.frame, data.raw());
    EXPECT_EQ(control(granter, reference) & in_use, in_use);
    EXPECT_TRUE(world.set(borrower, 0, GrantWorld::read_only(data)).ok());
    EXPECT_TRUE(world.set(borrower, 1, GrantWorld::writable_entry(data)).ok());
    refuse(world.set(third, 0, GrantWorld::read_only(data)), Error::access_denied, "another domain");
    refuse(unmap(borrower, mapped.element.handle), Error::busy, "two mappings left");
    EXPECT_TRUE(world.set(borrower, 0, 0).ok());
    refuse(unmap(borrower, mapped.element.handle), Error::busy, "one mapping left");
    EXPECT_EQ(control(granter, reference) & in_use, in_use);
    EXPECT_EQ(world.audit_findings(), 0U);
    EXPECT_TRUE(world.set(borrower, 1, 0).ok());
    EXPECT_TRUE(unmap(borrower, mapped.element.handle).ok());
    EXPECT_EQ(control(granter, reference) & in_use, 0U);
    refuse(unmap(borrower, mapped.element.handle), Error::not_found, "a second time");
    refuse(world.set(borrower, 0, GrantWorld::read_only(data)), Error::access_denied, "after the unmap");
}

TEST_F(Grant, AReadOnlyGrantIsReadOnly) {
    world.grant(granter, reference, borrower, data, RINGFOLD_GRANT_READ_ONLY);
    refuse(map(borrower, granter, reference).result, Error::access_denied, "a writable right");
    EXPECT_EQ(control(granter, reference) & in_use, 0U);
    const uint32_t handle = must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
    EXPECT_EQ(control(granter, reference) & in_use, RINGFOLD_GRANT_READING);
    refuse(world.set(borrower, 0, GrantWorld::writable_entry(data)), Error::access_denied, "a writable entry");
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::read_only(data)).ok());
    const ringfold_page_table_operation run{.operation = RINGFOLD_PAGE_TABLE_FLAGS_RUN,
                                            .count = 512,
                                            .address = address_of(GrantWorld::frame(borrower, GrantWorld::l1)).raw(),
                                            .value = RINGFOLD_ENTRY_WRITABLE,
                                            .mask = RINGFOLD_ENTRY_WRITABLE};
    refuse(world.apply(borrower, run), Error::access_denied, "made writable by its flags");
    EXPECT_EQ(GrantWorld::frame(borrower, GrantWorld::l1), GrantWorld::frame(borrower, 3));
    EXPECT_EQ(*pointer_to<uint64_t>(GrantWorld::frame(borrower, GrantWorld::l1)), GrantWorld::read_only(data));
    ASSERT_TRUE(world.set(borrower, 0, 0).ok());
    EXPECT_TRUE(unmap(borrower, handle).ok());
}

// XSA-224 and XSA-234: rights of both kinds on one frame, given up in each order with mappings of each kind left.
TEST_F(Grant, MappingsAreCountedByKind) {
    world.grant(granter, reference, borrower, data);
    for (const bool writable_first : {false, true}) {
        const uint32_t read_only = must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
        const uint32_t to_write = must_map(borrower, granter, reference);
        ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
        refuse(unmap(borrower, to_write), Error::busy, "a writable mapping is left");
        if (writable_first) {
            // What becomes read-only needs a read-only right only.
            ASSERT_TRUE(world.set(borrower, 0, GrantWorld::read_only(data)).ok());
            EXPECT_TRUE(unmap(borrower, to_write).ok());
            EXPECT_EQ(control(granter, reference) & in_use, RINGFOLD_GRANT_READING);
            refuse(unmap(borrower, read_only), Error::busy, "a read-only mapping is left");
            refuse(world.set(borrower, 0, GrantWorld::writable_entry(data)), Error::access_denied, "writable again");
            ASSERT_TRUE(world.set(borrower, 0, 0).ok());
            EXPECT_TRUE(unmap(borrower, read_only).ok());
        } else {
            EXPECT_TRUE(unmap(borrower, read_only).ok());
            refuse(unmap(borrower, to_write), Error::busy, "the writable mapping is still left");
            ASSERT_TRUE(world.set(borrower, 0, 0).ok());
            EXPECT_TRUE(unmap(borrower, to_write).ok());
        }
        EXPECT_EQ(control(granter, reference) & in_use, 0U);
        EXPECT_EQ(world.audit_findings(), 0U);
    }
}

TEST_F(Grant, WhatTheEntryDoesNotSayIsRefused) {
    refuse(map(borrower, granter, reference).result, Error::not_found, "an empty entry");
    refuse(map(borrower, granter, 256).result, Error::out_of_range, "past the table");
    refuse(map(borrower, granter, UINT32_MAX).result, Error::out_of_range, "far past the table");
    world.grant(granter, reference, third, data);
    refuse(map(borrower, granter, reference).result, Error::not_permitted, "another domain's");
    refuse(map(borrower, borrower, reference).result, Error::invalid_argument, "its own");
    refuse(map(third, granter, reference, 2).result, Error::invalid_argument, "unknown flags");
    world.accept(granter, reference, third, 5);
    refuse(map(third, granter, reference).result, Error::not_found, "an entry that accepts");
    ringfold_grant_map_element nobody{.domain = 99, .reference = reference};
    refuse(map_grant(world.grants(borrower), nobody, GrantWorld::find), Error::not_found, "nobody");
    EXPECT_EQ(world.grants(granter).info().entries_used, 0U);
}

TEST_F(Grant, AnEntryNamesRamOfTheGranterOnly) {
    for (const uint64_t frame : {uint64_t{100}, own.raw(), GrantWorld::ram.raw(), uint64_t{0xfee00}, UINT64_MAX,
                                 uint64_t{3 * frames_per_extent}}) {
        world.grant(granter, reference, borrower, MachineFrame{frame});
        refuse(map(borrower, granter, reference).result, Error::bad_frame, "a frame that is not the granter's");
        EXPECT_EQ(control(granter, reference) & in_use, 0U);
    }
    world.grant(granter, reference, borrower, GrantWorld::frame(granter, GrantWorld::l1));
    refuse(map(borrower, granter, reference).result, Error::busy, "a page table, to be written");
    const uint32_t handle = must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
    EXPECT_TRUE(world.set(borrower, 0, GrantWorld::read_only(GrantWorld::frame(granter, GrantWorld::l1))).ok());
    EXPECT_TRUE(world.set(borrower, 0, 0).ok());
    EXPECT_TRUE(unmap(borrower, handle).ok());
}

TEST_F(Grant, ABorrowedFrameIsALeafAndNothingElse) {
    world.grant(granter, reference, borrower, data);
    const uint32_t handle = must_map(borrower, granter, reference);
    refuse(world.set(borrower, 5, GrantWorld::read_only(data), GrantWorld::l2), Error::access_denied, "as a table");
    const uint64_t big_entry = Entry{MachineFrame{frames_per_extent}, present | big}.raw();
    refuse(world.set(borrower, 5, big_entry, GrantWorld::l2), Error::access_denied, "within a big page");
    for (const uint32_t level : {1U, 4U}) {
        refuse(world.apply(borrower, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = level, .address = data.raw()}),
               Error::bad_frame, "pinned");
    }
    EXPECT_FALSE(take_root(world.memory(borrower), data).ok());
    EXPECT_FALSE(hold_writable(world.memory(borrower), data).ok());
    refuse(release_frame(world.memory(borrower), data), Error::bad_frame, "released");
    refuse(world.set(borrower, 0, GrantWorld::read_only(data) | RINGFOLD_ENTRY_CACHE_DISABLE), Error::access_denied,
           "uncached");
    EXPECT_TRUE(unmap(borrower, handle).ok());
}

TEST_F(Grant, WhatIsLentStays) {
    world.grant(granter, reference, borrower, data);
    const uint32_t handle = must_map(borrower, granter, reference);
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    GrantWorld::entry(granter, reference).control = 0;  // a granter that does not ask
    refuse(release_frame(world.memory(granter), data), Error::busy, "released");
    refuse(world.apply(granter, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = 1, .address = data.raw()}), Error::busy,
           "made a page table");
    refuse(map(borrower, granter, reference).result, Error::not_found, "mapped once more");
    ASSERT_TRUE(world.set(borrower, 0, 0).ok());
    EXPECT_TRUE(unmap(borrower, handle).ok());
    EXPECT_EQ(control(granter, reference), 0U);
    EXPECT_TRUE(release_frame(world.memory(granter), data).ok());
    EXPECT_TRUE(assign_frames(world.memory(granter), data, FrameCount{1}).ok());
}

// What a borrower's processor still has cached must be gone before the granter does something else with the frame.
TEST_F(Grant, TheEndOfARightFlushesTheBorrower) {
    for (const bool to_write : {true, false}) {
        world.grant(granter, reference, borrower, data);
        const uint32_t handle = must_map(borrower, granter, reference);
        ASSERT_TRUE(
            world.set(borrower, 0, to_write ? GrantWorld::writable_entry(data) : GrantWorld::read_only(data)).ok());
        walk_everywhere();
        ASSERT_TRUE(world.set(borrower, 0, 0).ok());
        const uint64_t before = world.machine.flushes;
        ASSERT_TRUE(unmap(borrower, handle).ok());
        EXPECT_EQ(world.machine.flushes, before + 1);
        ASSERT_TRUE(
            world.apply(granter, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = 1, .address = data.raw()}).ok());
        EXPECT_EQ(world.machine.check_caches(), "");
        ASSERT_TRUE(world.apply(granter, {.operation = RINGFOLD_PAGE_TABLE_UNPIN, .address = data.raw()}).ok());
    }
}

TEST_F(Grant, AWritableRightThatEndsFlushesThoughAReadOnlyOneIsLeft) {
    world.grant(granter, reference, borrower, data);
    const uint32_t read_only = must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
    const uint32_t to_write = must_map(borrower, granter, reference);
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::read_only(data)).ok());
    ASSERT_TRUE(unmap(borrower, to_write).ok());
    ASSERT_TRUE(world.apply(granter, {.operation = RINGFOLD_PAGE_TABLE_PIN, .count = 1, .address = data.raw()}).ok());
    EXPECT_EQ(world.machine.check_caches(), "");
    ASSERT_TRUE(world.set(borrower, 0, 0).ok());
    ASSERT_TRUE(unmap(borrower, read_only).ok());
}

TEST_F(Grant, AFrameThatWasATableIsFlushedBeforeItIsLent) {
    world.grant(granter, reference, borrower, data);
    ASSERT_TRUE(world.set(granter, 9, Entry{data, present}.raw(), GrantWorld::l2).ok());
    walk_everywhere();
    refuse(map(borrower, granter, reference).result, Error::busy, "a table");
    ASSERT_TRUE(world.set(granter, 9, 0, GrantWorld::l2).ok());
    const uint64_t before = world.machine.flushes;
    const uint32_t handle = must_map(borrower, granter, reference);
    EXPECT_EQ(world.machine.flushes, before + 1);
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    *pointer_to<uint64_t>(data) = GrantWorld::writable_entry(MachineFrame{100});  // what the borrower could write
    walk_everywhere();
    EXPECT_EQ(world.machine.check_caches(), "");
    ASSERT_TRUE(world.set(borrower, 0, 0).ok());
    ASSERT_TRUE(unmap(borrower, handle).ok());
}

// --- limits ---
TEST_F(Grant, HandlesAreLimited) {
    world.grant(granter, reference, borrower, data);
    world.grants(borrower).borrowings.lock()->set_limit(3);
    std::array<uint32_t, 3> handles{};
    for (uint32_t &handle : handles) {
        handle = must_map(borrower, granter, reference);
    }
    refuse(map(borrower, granter, reference).result, Error::quota, "one more than the limit");
    const ringfold_grant_info info = world.grants(borrower).info();
    EXPECT_EQ(info.handles, 3U);
    EXPECT_EQ(info.handle_limit, 3U);
    EXPECT_EQ(world.grants(granter).info().entries_used, 1U);
    EXPECT_TRUE(unmap(borrower, handles[1]).ok());
    EXPECT_NE(must_map(borrower, granter, reference), handles[1]) << "a handle is used again at once";
    for (auto handle = world.grants(borrower).borrowings.lock()->any(); handle.has_value();
         handle = world.grants(borrower).borrowings.lock()->any()) {
        EXPECT_TRUE(unmap(borrower, *handle).ok());
    }
    EXPECT_EQ(control(granter, reference) & in_use, 0U);
}

TEST_F(Grant, TablePagesAreLimitedAndStayWhileTheyAreUsed) {
    auto set = [&](uint32_t index, TypeReference page) -> Result<void> {
        auto result = world.grants(granter).table.lock()->set(index, std::move(page));
        return result.ok() ? Result<void>{} : result.error();
    };
    const MachineFrame page = GrantWorld::frame(granter, 20);
    EXPECT_TRUE(world.grants(granter).table.lock()->set_limit(2).ok());
    refuse(world.grants(granter).table.lock()->set_limit(GrantTable::most_pages + 1), Error::out_of_range, "a limit");
    refuse(set(2, hold_writable(world.memory(granter), page).take()), Error::out_of_range, "at the limit");
    refuse(set(UINT32_MAX, TypeReference{}), Error::out_of_range, "far past it");
    EXPECT_EQ(MemoryWorld::state(page).type_count(), 0U);
    EXPECT_TRUE(set(1, hold_writable(world.memory(granter), page).take()).ok());
    EXPECT_EQ(world.grants(granter).info().table_pages, 2U);
    pointer_to<ringfold_grant_entry>(page)[3] = GrantWorld::entry(granter, reference);
    world.grant(granter, reference, borrower, data);
    pointer_to<ringfold_grant_entry>(page)[3] = GrantWorld::entry(granter, reference);
    const uint32_t handle = must_map(borrower, granter, RINGFOLD_GRANTS_PER_PAGE + 3);
    refuse(set(1, TypeReference{}), Error::busy, "unregistered in use");
    EXPECT_TRUE(world.grants(granter).table.lock()->set_limit(1).ok());
    refuse(set(1, hold_writable(world.memory(granter), page).take()), Error::out_of_range, "past the new limit");
    EXPECT_TRUE(unmap(borrower, handle).ok());
    EXPECT_EQ(pointer_to<ringfold_grant_entry>(page)[3].control & in_use, 0U);
    EXPECT_TRUE(set(1, TypeReference{}).ok());
    refuse(map(borrower, granter, RINGFOLD_GRANTS_PER_PAGE + 3).result, Error::out_of_range, "of a page that is gone");
}

// --- the two ends of life ---
TEST_F(Grant, AGranterThatDiesLeavesAHuskUntilItsFramesComeBack) {
    world.grant(granter, reference, borrower, data);
    const uint32_t first = must_map(borrower, granter, reference);
    const uint32_t second = must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    GrantDomain &gone = world.grants(granter);
    world.end(granter);
    EXPECT_EQ(gone.memory.owned(), FrameCount{1});
    const auto holder = world.grants(borrower).borrowings.lock()->find_from(gone);
    ASSERT_TRUE(holder.has_value());
    EXPECT_EQ(holder->frame, data);
    EXPECT_FALSE(world.grants(third).borrowings.lock()->find_from(gone).has_value());
    EXPECT_FALSE(world.can_begin(granter));
    EXPECT_EQ(world.audit_findings(), 0U);
    // The borrower goes on with what it has.
    ASSERT_TRUE(world.set(borrower, 1, GrantWorld::writable_entry(data)).ok());
    ASSERT_TRUE(world.set(borrower, 0, 0).ok());
    ASSERT_TRUE(world.set(borrower, 1, GrantWorld::read_only(data)).ok());
    ASSERT_TRUE(unmap(borrower, first).ok());
    EXPECT_EQ(gone.memory.owned(), FrameCount{1});
    refuse(unmap(borrower, second), Error::busy, "a mapping is left");
    walk_everywhere();
    ASSERT_TRUE(world.set(borrower, 1, 0).ok());
    ASSERT_TRUE(unmap(borrower, second).ok());
    EXPECT_EQ(gone.memory.owned(), FrameCount{});
    EXPECT_EQ(world.husks().front()->references, 0U);
    EXPECT_TRUE(world.can_begin(granter));
    EXPECT_EQ(world.machine.check_caches(), "");
}

TEST_F(Grant, ABorrowerThatDiesLetsGo) {
    world.grant(granter, reference, borrower, data);
    must_map(borrower, granter, reference);
    must_map(borrower, granter, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
    ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    ASSERT_TRUE(world.set(borrower, 1, GrantWorld::read_only(data)).ok());
    walk_everywhere();
    world.end(borrower);
    EXPECT_TRUE(world.can_begin(borrower));
    EXPECT_EQ(control(granter, reference) & in_use, 0U);
    EXPECT_EQ(MemoryWorld::state(data), FrameState{}.add_reference());
    EXPECT_TRUE(release_frame(world.memory(granter), data).ok());
    EXPECT_EQ(world.machine.check_caches(), "");
    EXPECT_TRUE(assign_frames(world.memory(granter), data, FrameCount{1}).ok());
}

TEST_F(Grant, TwoThatBorrowFromEachOtherDieInBothOrders) {
    for (const bool granter_first : {true, false}) {
        world.grant(granter, reference, borrower, data);
        world.grant(borrower, reference, granter, own);
        must_map(borrower, granter, reference);
        must_map(granter, borrower, reference);
        ASSERT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
        ASSERT_TRUE(world.set(granter, 0, GrantWorld::writable_entry(own)).ok());
        walk_everywhere();
        world.end(granter_first ? granter : borrower);
        world.end(granter_first ? borrower : granter);
        EXPECT_TRUE(world.can_begin(granter));
        EXPECT_TRUE(world.can_begin(borrower));
        world.bury_husks();
        EXPECT_TRUE(world.husks().empty());
        EXPECT_EQ(world.machine.check_caches(), "");
        world.begin(granter);
        world.begin(borrower);
    }
}

// --- copies ---
class GrantCopy : public Grant {
  protected:
    GrantCopy() {
        for (uint64_t byte = 0; byte < page_size; ++byte) {
            bytes(data)[byte] = static_cast<uint8_t>(byte * 7 + 1);
            bytes(own)[byte] = 0;
        }
        world.grant(granter, reference, borrower, data);
    }
    static uint8_t *bytes(MachineFrame frame) { return pointer_to<uint8_t>(frame); }
    static ringfold_grant_copy_end local(MachineFrame frame, uint16_t offset = 0) {
        return {.page = frame.raw(), .domain = 0, .offset = offset, .flags = 0};
    }
    ringfold_grant_copy_end granted(unsigned from, uint64_t which, uint16_t offset = 0) {
        return {.page = which, .domain = world.id(from).raw(), .offset = offset, .flags = RINGFOLD_GRANT_COPY_GRANTED};
    }
    Result<void> copy(const ringfold_grant_copy_end &from, const ringfold_grant_copy_end &to, uint32_t length,
                      unsigned who = borrower) {
        const std::vector<uint8_t> before_own{bytes(own), bytes(own) + page_size};
        const std::vector<uint8_t> before_data{bytes(data), bytes(data) + page_size};
        const ringfold_grant_copy_element segment{.source = from, .destination = to, .length = length};
        auto result = GrantWorld::retry([&] { return copy_grant(world.grants(who), segment, GrantWorld::find); });
        if (!result.ok()) {
            EXPECT_EQ(std::memcmp(before_own.data(), bytes(own), page_size), 0) << "a refused copy wrote";
            EXPECT_EQ(std::memcmp(before_data.data(), bytes(data), page_size), 0) << "a refused copy wrote";
        }
        EXPECT_EQ(control(granter, reference) & in_use, 0U) << "a copy leaves no use";
        return result;
    }
};

TEST_F(GrantCopy, MovesBytesBothWays) {
    ASSERT_TRUE(copy(granted(granter, reference, 16), local(own, 4000), 96).ok());
    EXPECT_EQ(std::memcmp(bytes(own) + 4000, bytes(data) + 16, 96), 0);
    EXPECT_EQ(bytes(own)[3999], 0);
    bytes(own)[0] = 0x5a;
    ASSERT_TRUE(copy(local(own), granted(granter, reference, 4095), 1).ok());
    EXPECT_EQ(bytes(data)[4095], 0x5a);
    ASSERT_TRUE(copy(granted(granter, reference), local(own), page_size).ok());
    EXPECT_EQ(std::memcmp(bytes(own), bytes(data), page_size), 0);
    ASSERT_TRUE(copy(local(own), local(GrantWorld::frame(borrower, 6)), page_size).ok());
}

TEST_F(GrantCopy, OverlapsLikeMemmove) {
    std::vector<uint8_t> expected{bytes(data), bytes(data) + page_size};
    std::memmove(expected.data() + 100, expected.data(), 3000);
    ASSERT_TRUE(copy(granted(granter, reference), granted(granter, reference, 100), 3000).ok());
    EXPECT_EQ(std::memcmp(expected.data(), bytes(data), page_size), 0);
    std::memmove(expected.data(), expected.data() + 50, 4000);
    ASSERT_TRUE(copy(granted(granter, reference, 50), granted(granter, reference), 4000).ok());
    EXPECT_EQ(std::memcmp(expected.data(), bytes(data), page_size), 0);
}

// CVE-2012-5525 and everything that adds up past the end of a page, or wraps.
TEST_F(GrantCopy, NeverLeavesAPage) {
    struct Range {
        uint16_t source;
        uint16_t destination;
        uint32_t length;
    };
    for (const Range range :
         {Range{0, 0, 4097}, Range{1, 0, 4096}, Range{0, 1, 4096}, Range{4095, 0, 2}, Range{0, 4095, 2},
          Range{4096, 0, 1}, Range{0, 4096, 1}, Range{0xffff, 0, 1}, Range{0, 0, UINT32_MAX}, Range{1, 0, UINT32_MAX},
          Range{0, 0xffff, 0xffff'0001}, Range{4097, 0, 0}, Range{0, 0xffff, 0}}) {
        refuse(copy(granted(granter, reference, range.source), local(own, range.destination), range.length),
               Error::out_of_range, "a range past the page");
    }
    EXPECT_TRUE(copy(granted(granter, reference, 4096), local(own, 4096), 0).ok()) << "nothing, at the end";
}

TEST_F(GrantCopy, NeedsWhatEachSideNeeds) {
    world.grant(granter, reference, borrower, data, RINGFOLD_GRANT_READ_ONLY);
    refuse(copy(local(own), granted(granter, reference), 8), Error::access_denied, "to a read-only grant");
    refuse(copy(local(data), local(own), 8), Error::bad_frame, "from a frame of another");
    refuse(copy(local(own), local(data), 8), Error::bad_frame, "to a frame of another");
    refuse(copy(local(MachineFrame{UINT64_MAX}), local(own), 8), Error::bad_frame, "from no frame");
    refuse(copy(local(MachineFrame{0xfee00}), local(own), 8), Error::bad_frame, "from a device");
    refuse(copy(local(own), local(GrantWorld::frame(borrower, GrantWorld::l1)), 8), Error::busy, "to a page table");
    EXPECT_TRUE(copy(local(GrantWorld::frame(borrower, GrantWorld::l1)), local(own), 8).ok()) << "from a page table";
    refuse(copy(granted(granter, reference), local(own), 8, third), Error::not_permitted, "by another");
    refuse(copy(granted(granter, uint64_t{1} << 32 | reference), local(own), 8), Error::out_of_range, "a reference");
    refuse(copy(granted(granter, 256), local(own), 8), Error::out_of_range, "no such entry");
    auto odd = local(own);
    odd.domain = 1;
    refuse(copy(odd, local(own), 8), Error::invalid_argument, "a domain without a reference");
    odd = local(own);
    odd.flags = 2;
    refuse(copy(local(own), odd, 8), Error::invalid_argument, "unknown flags");
    auto nobody = granted(granter, reference);
    nobody.domain = 99;
    refuse(copy(nobody, local(own), 8), Error::not_found, "nobody");
}

// --- transfers ---
class GrantTransfer : public Grant {
  protected:
    GrantTransfer() : shown_(GrantWorld::ram.raw()) {
        machine_to_physical::hosted::table = shown_.data();
        world.accept(borrower, reference, granter, 0x123);
        *pointer_to<uint64_t>(data) = 0xfeed;
    }
    ~GrantTransfer() override { machine_to_physical::hosted::table = nullptr; }
    Result<void> transfer(unsigned who, MachineFrame frame, unsigned to, uint32_t which = reference) {
        const ringfold_grant_transfer_element element{
            .frame = frame.raw(), .domain = world.id(to).raw(), .reference = which};
        return GrantWorld::retry([&] { return transfer_grant(world.grants(who), element, GrantWorld::find); });
    }
    static constexpr uint32_t transfer_flags = RINGFOLD_GRANT_TRANSFERRING | RINGFOLD_GRANT_TRANSFERRED;
    std::vector<uint64_t> shown_;
};

TEST_F(GrantTransfer, MovesAFrameWithItsContents) {
    const FrameCount before = world.memory(borrower).owned();
    ASSERT_TRUE(transfer(granter, data, borrower).ok());
    EXPECT_EQ(control(borrower, reference) & transfer_flags, transfer_flags);
    EXPECT_EQ(GrantWorld::entry(borrower, reference).frame, data.raw());
    EXPECT_EQ(shown_[data.raw()], 0x123U);
    EXPECT_EQ(*pointer_to<uint64_t>(data), 0xfeedU);
    EXPECT_TRUE(frame_table::at(data).owned_by(world.id(borrower)));
    EXPECT_EQ(world.memory(borrower).owned(), before + FrameCount{1});
    EXPECT_EQ(world.grants(borrower).info().entries_used, 0U);
    refuse(world.set(granter, 0, GrantWorld::read_only(data)), Error::access_denied, "mapped by the giver");
    EXPECT_TRUE(world.set(borrower, 0, GrantWorld::writable_entry(data)).ok());
    refuse(transfer(granter, GrantWorld::frame(granter, 6), borrower), Error::not_found, "an entry that has one");
    refuse(transfer(granter, data, borrower), Error::not_found, "a second time");
}

TEST_F(GrantTransfer, NeedsAFrameWithoutAnyUse) {
    const uint32_t offered = control(borrower, reference);
    ASSERT_TRUE(world.set(granter, 0, GrantWorld::read_only(data)).ok());
    refuse(transfer(granter, data, borrower), Error::busy, "mapped");
    EXPECT_EQ(control(borrower, reference), offered);
    ASSERT_TRUE(world.set(granter, 0, 0).ok());
    world.grant(granter, 3, third, data, RINGFOLD_GRANT_READ_ONLY);
    const uint32_t handle = must_map(third, granter, 3, RINGFOLD_GRANT_MAP_READ_ONLY);
    refuse(transfer(granter, data, borrower), Error::busy, "lent");
    ASSERT_TRUE(unmap(third, handle).ok());
    refuse(transfer(granter, GrantWorld::frame(granter, GrantWorld::l1), borrower), Error::busy, "a page table");
    refuse(transfer(granter, GrantWorld::frame(granter, GrantWorld::table), borrower), Error::busy, "a grant table");
    refuse(transfer(granter, own, borrower), Error::bad_frame, "the receiver's");
    refuse(transfer(granter, MachineFrame{UINT64_MAX}, borrower), Error::bad_frame, "no frame");
    EXPECT_EQ(control(borrower, reference), offered);
    EXPECT_EQ(world.grants(borrower).info().entries_used, 0U);
    EXPECT_TRUE(transfer(granter, data, borrower).ok());
}

TEST_F(GrantTransfer, LeavesNoTranslationBehind) {
    ASSERT_TRUE(world.set(granter, 0, GrantWorld::writable_entry(data)).ok());
    walk_everywhere();
    ASSERT_TRUE(world.set(granter, 0, 0).ok());
    ASSERT_TRUE(transfer(granter, data, borrower).ok());
    EXPECT_EQ(world.machine.check_caches(), "");
}

TEST_F(GrantTransfer, NeedsAReceiverThatAccepts) {
    refuse(transfer(third, GrantWorld::frame(third, 6), borrower), Error::not_permitted, "from another");
    refuse(transfer(granter, data, third), Error::not_found, "nothing accepted");
    refuse(transfer(granter, data, borrower, 300), Error::out_of_range, "no such entry");
    refuse(transfer(granter, data, granter), Error::invalid_argument, "to itself");
    const ringfold_grant_transfer_element odd{
        .frame = data.raw(), .domain = world.id(borrower).raw(), .reserved = 1, .reference = reference};
    refuse(transfer_grant(world.grants(granter), odd, GrantWorld::find), Error::invalid_argument, "reserved");
    world.memory(borrower).set_maximum(world.memory(borrower).owned());
    refuse(transfer(granter, data, borrower), Error::out_of_memory, "a receiver that is full");
    EXPECT_EQ(control(borrower, reference) & transfer_flags, 0U);
    EXPECT_TRUE(frame_table::at(data).owned_by(world.id(granter)));
    EXPECT_EQ(*pointer_to<uint64_t>(data), 0xfeedU);
}

// --- exchange ---
class Exchange : public Grant {
  protected:
    MachineFrame allocate(Order order) { return allocate_frames(order).take(); }
};

TEST_F(Exchange, GivesOneBlockForManyFrames) {
    const std::array<MachineFrame, 4> given{GrantWorld::frame(0, 10), GrantWorld::frame(0, 40),
                                            GrantWorld::frame(0, 12), GrantWorld::frame(0, 11)};
    const MachineFrame block = allocate(Order{2});
    const FrameCount before = world.memory(granter).owned();
    world.memory(granter).set_maximum(before);  // not one frame more, at no moment
    ASSERT_TRUE(exchange_frames(world.memory(granter), given, block).ok());
    EXPECT_EQ(world.memory(granter).owned(), before);
    for (uint64_t which = 0; which < 4; ++which) {
        EXPECT_TRUE(frame_table::at(block + FrameCount{which}).owned_by(world.id(granter)));
        EXPECT_EQ(frame_table::at(given[which]).owner(), no_domain);
    }
    EXPECT_TRUE(assign_frames(world.memory(third), given[0], FrameCount{1}).ok());
    EXPECT_TRUE(release_frame(world.memory(third), given[0]).ok());
    for (uint64_t which = 0; which < 4; ++which) {
        EXPECT_TRUE(release_frame(world.memory(granter), block + FrameCount{which}).ok());
        EXPECT_TRUE(assign_frames(world.memory(granter), given[which], FrameCount{1}).ok());
    }
    free_frames(block, Order{2});
}

// XSA-212 went through the list; here every bad member leaves all of it as it was.
TEST_F(Exchange, IsAllOrNothing) {
    const MachineFrame mapped = GrantWorld::frame(0, 13);
    ASSERT_TRUE(world.set(granter, 0, GrantWorld::read_only(mapped)).ok());
    const MachineFrame block = allocate(Order{2});
    struct Bad {
        MachineFrame frame;
        Error error;
    };
    for (const Bad bad :
         {Bad{mapped, Error::busy}, Bad{GrantWorld::frame(0, 10), Error::bad_frame}, Bad{own, Error::bad_frame},
          Bad{MachineFrame{UINT64_MAX}, Error::bad_frame}, Bad{MachineFrame{uint64_t{1} << 61}, Error::bad_frame},
          Bad{block, Error::bad_frame}, Bad{GrantWorld::frame(0, GrantWorld::l4), Error::busy}}) {
        const std::array<MachineFrame, 4> given{GrantWorld::frame(0, 10), GrantWorld::frame(0, 11),
                                                GrantWorld::frame(0, 12), bad.frame};
        const FrameCount before = world.memory(granter).owned();
        refuse(exchange_frames(world.memory(granter), given, block), bad.error, "a bad frame among good ones");
        EXPECT_EQ(world.memory(granter).owned(), before);
        for (uint64_t which = 0; which < 3; ++which) {
            EXPECT_TRUE(frame_table::at(given[which]).owned_by(world.id(granter)));
        }
        EXPECT_EQ(frame_table::at(block).owner(), no_domain);
        EXPECT_EQ(world.audit_findings(), 0U);
    }
    ASSERT_TRUE(world.set(granter, 0, 0).ok());
    free_clean_frames(block, Order{2});
}

// --- the race for the status bits ---
// The granter revokes and grants again all the time, as the protocol says, while the borrower uses. Whenever the
// granter has revoked, nobody uses: it would see its mark overwritten.
TEST_F(Grant, ARevocationAndAUseNeverBothSucceed) {
    std::atomic<bool> stop = false;
    std::atomic<uint64_t> uses = 0;
    std::atomic<bool> revoked = true;
    std::thread user{[&] {
        while (!stop.load()) {
            auto use = GrantUse::begin(GrantWorld::find(world.id(granter)), GrantRef{reference}, world.id(borrower),
                                       GrantAccess::writable);
            if (use.ok()) {
                EXPECT_FALSE(revoked.load());
                uses.fetch_add(1);
            }
        }
    }};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    for (unsigned round = 0; round < 2000 || uses.load() < 20; ++round) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "only " << uses.load() << " uses in " << round << " rounds";
            break;
        }
        revoked.store(false);
        world.grant(granter, reference, borrower, data);
        if (round % 4 == 0) {
            std::this_thread::yield();  // on a busy machine the user would seldom find it granted
        }
        while (!GrantWorld::revoke(granter, reference)) {
            std::this_thread::yield();
        }
        revoked.store(true);
        EXPECT_EQ(MemoryWorld::state(data), FrameState{}.add_reference());
    }
    stop.store(true);
    user.join();
}

}  // namespace
}  // namespace ringfold::test
