// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The one thing that must never be: a page table that its guest can write. Tried by each route with 4 KiB pages: SET of
// a writable entry to a table of each level, of the running tables and by FLAGS_RUN; an L1 pinned or linked that maps
// itself, or a table, writable; a frame that becomes a table while mapped writable; a table whose only entries are
// user-accessible. Expected: EBUSY each time, nothing mapped, the tables unchanged; and reads through read-only
// mappings work.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

void check_unmapped(const char *what) {
    check_equal(find_slot(window).value, 0, what);
    check_equal(catch_entry([] { store<uint64_t>(window, 0); }).frame.vector, page_fault, what);
}

void try_mapping(MachineFrame table, const char *what) {
    const Slot slot = find_slot(window);
    for (const uint64_t flags : Words{kernel_data, user_data, kernel_data & ~RINGFOLD_ENTRY_DIRTY}) {
        check_status(set_entry(slot.machine_address, entry_for(table, flags)), -RINGFOLD_EBUSY, what);
        check_status(set_entry_keeping(slot.machine_address, entry_for(table, flags)), -RINGFOLD_EBUSY, what);
        check_unmapped(what);
    }
    check_result(set_entry(slot.machine_address, entry_for(table, kernel_read_only)), 0, 1, what);
    check_status(change_flags(slot.machine_address, 1, RINGFOLD_ENTRY_WRITABLE, RINGFOLD_ENTRY_WRITABLE),
                 -RINGFOLD_EBUSY, what);
    check_equal(find_slot(window).value, entry_for(table, kernel_read_only), what);
    check_equal(load<uint64_t>(window), table_entries_of(table)[0], what);
    check_equal(catch_entry([] { store<uint64_t>(window, 0); }).frame.vector, page_fault, what);
    check_result(set_entry(slot.machine_address, 0), 0, 1, what);
    invalidate_page(window);
}

}  // namespace

void guest_main() {
    map_page(window, 0);
    const MachineFrame root = this_vcpu().root;
    try_mapping(root, "the running L4");
    try_mapping(frame_in(find_slot(window, 4).value), "a running L3");
    try_mapping(frame_in(find_slot(window, 3).value), "a running L2");
    try_mapping(frame_in(find_slot(window, 2).value), "the L1 that the mapping is in");
    try_mapping(frame_in(find_slot(linear_address(root), 2).value), "an L1 of the kernel");

    // An L1 that maps itself writable, pinned and linked.
    const PhysicalFrame frame = allocate_frame();
    const MachineFrame self = machine_frame(frame);
    store<uint64_t>(linear_address(frame), entry_for(self, kernel_data));
    map_initially(frame, kernel_read_only);
    check_status(pin(self, 1), -RINGFOLD_EBUSY, "pinning an L1 that maps itself writable");
    const uint64_t l2_slot = find_slot(window + big_page_size, 2).machine_address;
    check_status(set_entry(l2_slot, entry_for(self, table_flags)), -RINGFOLD_EBUSY, "linking it");
    check_equal(find_slot(window + big_page_size, 2).value, 0, "the L2 entry");

    // One that maps another table writable, in its last entry.
    uint64_t entries[table_entries] = {};
    entries[table_entries - 1] = entry_for(root, user_data);
    const MachineFrame other = make_table(entries);
    check_status(pin(other, 1), -RINGFOLD_EBUSY, "pinning an L1 that maps the root writable");
    check_status(set_entry(l2_slot, entry_for(other, table_flags)), -RINGFOLD_EBUSY, "linking it");

    // A frame that is mapped writable somewhere becomes a table: refused until the mapping is gone.
    const MachineFrame later = make_table();
    check_result(set_entry(find_slot(window).machine_address, entry_for(later, user_data)), 0, 1,
                 "a second, writable mapping");
    check_status(set_entry(l2_slot, entry_for(later, table_flags)), -RINGFOLD_EBUSY, "linking a frame mapped writable");
    check_status(pin(later, 1), -RINGFOLD_EBUSY, "pinning it");
    check_result(set_entry(find_slot(window).machine_address, 0), 0, 1, "unmapping it");
    check_result(set_entry(l2_slot, entry_for(later, table_flags)), 0, 1, "linking it then");
    try_mapping(later, "the linked L1");
}
