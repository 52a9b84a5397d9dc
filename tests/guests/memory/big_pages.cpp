// SPDX-License-Identifier: Apache-2.0
// guest: memory=24M hosts=qemu,bochs
//
// 2 MiB pages against page tables. Whole extents come from memory_populate. Refused: a big page at a frame that is not
// 2 MiB aligned, of memory that is not the domain's, writable over an extent that holds a page table; a page table in
// an extent that is mapped big and writable; releasing a frame of a mapped extent. Accepted: big read-only beside page
// tables, and everything after the mapping is gone. Attacked at last: a stale big translation after its extent got a
// page table.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;  // big page
constexpr uint64_t small = 0x0000'0000'8000'0000;   // for 4 KiB mappings of the same frames
constexpr uint64_t big_read_only = kernel_read_only | RINGFOLD_ENTRY_BIG;
constexpr uint64_t big_data = kernel_data | RINGFOLD_ENTRY_BIG;

uint64_t big_slot() { return find_slot(window, 2).machine_address; }

MachineFrame populate_extent(uint64_t physical) {
    *call_buffer<uint64_t>() = physical;
    const Result result = hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_POPULATE, 0, 1, 9);
    if (!check_result(result, 0, 1, "populating an extent")) {
        fatal_failure("no extent");
    }
    const MachineFrame first{*call_buffer<uint64_t>()};
    check_equal(first.number % frames_per_extent, 0, "its alignment");
    return first;
}

Result release(MachineFrame frame) {
    *call_buffer<uint64_t>() = frame.number;
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1);
}

void free_an_extent() {
    for (uint64_t i = 0; i < frames_per_extent; ++i) {
        const PhysicalFrame frame = {start_info().mapped_frames - 1 - i};
        set_entry(find_slot(linear_address(frame)).machine_address, 0);
        check_result(release(machine_frame(frame)), 0, 1, "releasing a frame");
    }
}

}  // namespace

void guest_main() {
    map_page(window + big_page_size, 0);
    map_page(small, 0);
    free_an_extent();
    const MachineFrame extent = populate_extent(start_info().frame_count - frames_per_extent);
    const MachineFrame inside{extent.number + 5};

    check_status(set_entry(big_slot(), entry_for(inside, big_data)), -RINGFOLD_EACCES,
                 "a big page that is not aligned");
    check_status(set_entry(big_slot(), big_read_only), -RINGFOLD_EACCES,
                 "a big page of the first 2 MiB of the machine");
    check_equal(find_slot(window, 2).value, 0, "the L2 entry");

    check_result(set_entry(big_slot(), entry_for(extent, big_data)), 0, 1, "a big writable page");
    for (uint64_t offset = 0; offset < big_page_size; offset += page_size) {
        check(load<uint64_t>(window + offset) == 0, "a populated frame is not clear");
    }
    store<uint64_t>(window + 5 * page_size, 0x55);
    check_status(pin(inside, 1), -RINGFOLD_EBUSY, "a page table in a big writable page");
    check_status(release(inside), -RINGFOLD_EBUSY, "releasing a frame of it");
    check_result(set_entry(find_slot(small).machine_address, entry_for(inside, kernel_data)), 0, 1,
                 "a 4 KiB mapping beside");
    invalidate_page(small);
    check_equal(load<uint64_t>(small), 0x55, "the same frame");
    store<uint64_t>(small, 0);
    check_result(set_entry(find_slot(small).machine_address, 0), 0, 1, "unmapping the 4 KiB page");

    // Replaced by a read-only one, without a flush of ours, and then a table inside: the stale translation must not
    // write.
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, big_slot(), entry_for(extent, big_read_only), 0};
    batch[1] = {RINGFOLD_PAGE_TABLE_PIN, 1, inside.number, 0, 0};
    check_result(apply_batch(2), 0, 2, "read-only, and a page table inside");
    const Entry stale = catch_entry([] { store<uint64_t>(window + 5 * page_size, 1); });
    check_equal(stale.frame.vector, page_fault, "writing through the stale translation");
    check_equal(load<uint64_t>(window + 5 * page_size), 0, "the table, read through the big page");

    check_status(set_entry(big_slot(), entry_for(extent, big_data)), -RINGFOLD_EBUSY, "writable over a page table");
    check_status(change_flags(big_slot(), 1, RINGFOLD_ENTRY_WRITABLE, RINGFOLD_ENTRY_WRITABLE), -RINGFOLD_EBUSY,
                 "writable by a run");
    check_equal(find_slot(window, 2).value & RINGFOLD_ENTRY_WRITABLE, 0, "the big page is still read-only");
    check_status(release({extent.number + 6}), -RINGFOLD_EBUSY, "releasing a frame of a read-only big page");
    check_result(unpin(inside), 0, 1, "unpinning the table");
    check_result(set_entry(big_slot(), entry_for(extent, big_data)), 0, 1, "writable again");
    check_result(set_entry(big_slot(), 0), 0, 1, "unmapping it");
    check_result(pin(inside, 2), 0, 1, "a page table where nothing is mapped");
    check_result(unpin(inside), 0, 1, "unpinning it");
    for (uint64_t i = 0; i < frames_per_extent; ++i) {
        check_result(release({extent.number + i}), 0, 1, "releasing the extent");
    }
}
