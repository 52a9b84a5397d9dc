// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The flags of an entry (page_table.h, "What an entry may be"). Refused with EACCES, leaving the old entry: global, any
// caching attribute other than write-back (PWT, PCD, PAT), protection-key and reserved bits, frame bits above the
// physical address width, PS where it means a 1 GiB page or is reserved. Accepted and stored exactly: the software
// bits, user, NX, accessed, dirty. The same flags inside a table that is pinned.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

constexpr uint64_t refused[] = {
    RINGFOLD_ENTRY_GLOBAL,
    RINGFOLD_ENTRY_WRITE_THROUGH,
    RINGFOLD_ENTRY_CACHE_DISABLE,
    RINGFOLD_ENTRY_WRITE_THROUGH | RINGFOLD_ENTRY_CACHE_DISABLE,
    RINGFOLD_ENTRY_BIG,  // PAT in an L1
    1ULL << 59,
    1ULL << 60,
    1ULL << 61,
    1ULL << 62,
    1ULL << 51,
    1ULL << 50,
    1ULL << 46,
};
constexpr uint64_t accepted[] = {
    1ULL << 9, 1ULL << 10, 1ULL << 11, 1ULL << 52, 1ULL << 58, RINGFOLD_ENTRY_SOFTWARE, RINGFOLD_ENTRY_USER,
};

void check_leaf(MachineFrame frame) {
    const uint64_t address = find_slot(window).machine_address;
    for (const uint64_t flags : refused) {
        check_result(set_entry(address, entry_for(frame, kernel_read_only)), 0, 1, "a plain entry");
        const Result result = set_entry(address, entry_for(frame, kernel_read_only) | flags);
        check(result.status == -RINGFOLD_EACCES && result.value == 0, "leaf flags 0x%lx: status %ld", flags,
              result.status);
        check_equal(find_slot(window).value, entry_for(frame, kernel_read_only), "the entry after it");

        uint64_t entries[table_entries] = {};
        entries[77] = entry_for(frame, kernel_read_only) | flags;
        const MachineFrame table = make_table(entries);
        const Result pinned = pin(table, 1);
        check(pinned.status == -RINGFOLD_EACCES && pinned.value == 0, "pinning with flags 0x%lx: status %ld", flags,
              pinned.status);
    }
    for (const uint64_t flags : accepted) {
        check_result(set_entry(address, entry_for(frame, kernel_read_only) | flags), 0, 1, "flags the guest may use");
        check_equal(find_slot(window).value, entry_for(frame, kernel_read_only) | flags, "the entry with them");
    }
}

void check_table(unsigned level, uint64_t flags, int64_t status) {
    const uint64_t linear = window + big_page_size * 512 * 512;  // another L3 entry: nothing is there
    const Slot slot = find_slot(linear, level);
    const MachineFrame table = make_table();
    const Result result = set_entry(slot.machine_address, entry_for(table, table_flags) | flags);
    check(result.status == status, "L%u entry with flags 0x%lx: status %ld", level, flags, result.status);
    check_equal(find_slot(linear, level).value, status == 0 ? entry_for(table, table_flags) | flags : 0,
                "the table entry");
    if (status == 0) {
        set_entry(slot.machine_address, 0);
    }
}

}  // namespace

void guest_main() {
    const MachineFrame frame = machine_frame(allocate_frame());
    map_page(window, 0);
    check_leaf(frame);
    for (const uint64_t flags : Words{RINGFOLD_ENTRY_GLOBAL, RINGFOLD_ENTRY_WRITE_THROUGH, RINGFOLD_ENTRY_CACHE_DISABLE,
                                      1ULL << 59, 1ULL << 62, 1ULL << 51}) {
        check_table(4, flags, -RINGFOLD_EACCES);
    }
    check_table(4, RINGFOLD_ENTRY_BIG, -RINGFOLD_EACCES);
    check_table(4, RINGFOLD_ENTRY_SOFTWARE, 0);
    check_table(4, RINGFOLD_ENTRY_NO_EXECUTE, 0);

    // A 1 GiB page: PS in an L3.
    const Slot gigabyte = find_slot(window + (1ULL << 30), 3);
    check_status(set_entry(gigabyte.machine_address, RINGFOLD_ENTRY_BIG | kernel_read_only), -RINGFOLD_EACCES,
                 "a 1 GiB page");
    check_equal(find_slot(window + (1ULL << 30), 3).value, 0, "the L3 entry");
}
