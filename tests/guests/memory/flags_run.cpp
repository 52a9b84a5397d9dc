// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// FLAGS_RUN changes flags of a run of entries at once, all or nothing. Expected: every present leaf becomes
// (old & ~mask) | (value & mask), holes stay as they are; a run past the table's end, an odd address, a mask with
// anything but changeable flags, and a run that would make a page table writable are refused with nothing changed, not
// even the entries before the refused one.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;  // entry 0 of an L1 table
constexpr uint32_t pages = 8;
constexpr uint64_t hole = 3;
constexpr uint64_t writable = RINGFOLD_ENTRY_WRITABLE;

uint64_t initial_entry(uint64_t index, MachineFrame frame) { return index == hole ? 0 : entry_for(frame, user_data); }

struct Refused {
    const char *name;
    int64_t offset;  // of the address from the window's entry
    uint32_t count;
    uint64_t value;
    uint64_t mask;
};
constexpr Refused refused[] = {
    {"count 0", 0, 0, 0, writable},
    {"count 513", 0, 513, 0, writable},
    {"past the table's end", 8, 512, 0, writable},
    {"odd address", 4, 1, 0, writable},
    {"present in the mask", 0, 1, 0, RINGFOLD_ENTRY_PRESENT},
    {"PWT in the mask", 0, 1, 0, RINGFOLD_ENTRY_WRITE_THROUGH},
    {"PCD in the mask", 0, 1, 0, RINGFOLD_ENTRY_CACHE_DISABLE},
    {"PAT in the mask", 0, 1, 0, RINGFOLD_ENTRY_BIG},
    {"global in the mask", 0, 1, RINGFOLD_ENTRY_GLOBAL, RINGFOLD_ENTRY_GLOBAL},
    {"a frame bit in the mask", 0, 1, 0x1000, 0x1000},
    {"a protection key in the mask", 0, 1, 0, 1ULL << 59},
};

}  // namespace

void guest_main() {
    MachineFrame frames[pages];
    for (uint64_t i = 0; i < pages; ++i) {
        frames[i] = machine_frame(allocate_frame());
        map_page(window + i * page_size, initial_entry(i, frames[i]));
    }
    const uint64_t address = find_slot(window).machine_address;
    auto check_entries = [&](uint64_t clear, uint64_t set, const char *what) {
        for (uint64_t i = 0; i < pages; ++i) {
            const uint64_t old = initial_entry(i, frames[i]);
            const uint64_t expected = i == hole ? 0 : (old & ~clear) | set;
            check_equal(find_slot(window + i * page_size).value, expected, what);
        }
    };

    for (const Refused &test : refused) {
        check_status(change_flags(address + static_cast<uint64_t>(test.offset), test.count, test.value, test.mask),
                     -RINGFOLD_EINVAL, test.name);
        check_entries(0, 0, test.name);
    }

    check_result(change_flags(address, pages, ~uint64_t{0} & ~writable, writable), 0, 1, "making all read-only");
    check_entries(writable, 0, "all read-only, value masked");
    constexpr uint64_t software = 1ULL << 9 | 1ULL << 52;
    constexpr uint64_t mask = writable | RINGFOLD_ENTRY_USER | software;
    check_result(change_flags(address, 512, writable | software, mask), 0, 1, "four flags of the whole table");
    check_entries(RINGFOLD_ENTRY_USER, software, "four flags");
    check_result(change_flags(address, pages, RINGFOLD_ENTRY_USER, mask), 0, 1, "back, but read-only");
    check_entries(writable, 0, "read-only again");

    // The last page of the run becomes a page table: the run that would make all writable stops before the first.
    const MachineFrame table = make_table();
    check_result(set_entry(find_slot(window + 7 * page_size).machine_address, entry_for(table, user_read_only)), 0, 1,
                 "a read-only mapping of what becomes a table");
    check_result(pin(table, 1), 0, 1, "pinning it");
    check_status(change_flags(address, pages, writable, writable), -RINGFOLD_EBUSY, "a run over a page table");
    for (uint64_t i = 0; i < 7; ++i) {
        check_equal(find_slot(window + i * page_size).value & writable, 0, "an entry before the refused one");
    }
    check_result(unpin(table), 0, 1, "unpinning it");
    check_result(change_flags(address, pages, writable, writable), 0, 1, "the run without the table");
}
