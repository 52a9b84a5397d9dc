// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A batch is applied in order and stops at the first refused operation: the error is that operation's, the progress
// counts those before it, and those after it have no effect. Also: an empty batch, too many elements, buffer ranges
// that end or begin outside the registered pages, offsets that overflow, a batch across a page, an unknown operation,
// entries that are misaligned or in no page table.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t size = sizeof(ringfold_page_table_operation);

Result issue(uint64_t offset, uint64_t count) { return hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, offset, count); }

ringfold_page_table_operation set_operation(uint64_t page, uint64_t value) {
    return {RINGFOLD_PAGE_TABLE_SET, 0, find_slot(window + page * page_size).machine_address, value, 0};
}

void stops_at_the_first(MachineFrame frame) {
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    for (uint64_t bad = 0; bad < 5; ++bad) {
        for (uint64_t i = 0; i < 5; ++i) {
            batch[i] = set_operation(
                i, i == bad ? entry_for(frame, kernel_data) | RINGFOLD_ENTRY_GLOBAL : entry_for(frame, kernel_data));
        }
        check_result(issue(0, 5), -RINGFOLD_EACCES, bad, "a batch with one bad element");
        for (uint64_t i = 0; i < 5; ++i) {
            const Slot slot = find_slot(window + i * page_size);
            check_equal(slot.value, i < bad ? entry_for(frame, kernel_data) : 0, "an entry around the refused one");
            set_entry(slot.machine_address, 0);
        }
    }
}

void ranges() {
    check_result(issue(0, 0), 0, 0, "an empty batch");
    check_result(issue(0, RINGFOLD_PAGE_TABLE_BATCH_MAX + 1), -RINGFOLD_ERANGE, 0, "one too many");
    check_result(issue(0, ~uint64_t{0}), -RINGFOLD_ERANGE, 0, "2^64 - 1 elements");
    check_result(issue(0, 1ULL << 59), -RINGFOLD_ERANGE, 0, "so many that the size overflows");
    check_result(issue(call_buffer_size, 1), -RINGFOLD_EFAULT, 0, "behind the buffer");
    check_result(issue(call_buffer_size - size + 8, 1), -RINGFOLD_EFAULT, 0, "half behind the buffer");
    check_result(issue(0, call_buffer_size / size + 1), -RINGFOLD_EFAULT, 0, "longer than the buffer");
    check_result(issue(~uint64_t{0} - 15, 1), -RINGFOLD_EFAULT, 0, "an offset that wraps");
    check_result(issue(RINGFOLD_CALL_BUFFER_PAGES * page_size, 1), -RINGFOLD_EFAULT, 0, "behind all pages");
    check_result(issue(1ULL << 32, 1), -RINGFOLD_EFAULT, 0, "an offset of 2^32");
}

void across_pages(MachineFrame frame) {
    constexpr uint64_t offset = page_size - size / 2;
    *call_buffer<ringfold_page_table_operation>(offset) = set_operation(0, entry_for(frame, kernel_data));
    check_result(issue(offset, 1), 0, 1, "an element across two pages");
    check_equal(find_slot(window).value, entry_for(frame, kernel_data), "what it set");
    check_result(set_entry(find_slot(window).machine_address, 0), 0, 1, "clearing it");
}

void bad_operations(MachineFrame frame) {
    const uint64_t address = find_slot(window).machine_address;
    for (const uint32_t operation : {8U, 9U, 0x107U, 0x8000'0000U, ~0U}) {
        check_status(apply({operation, 0, address, entry_for(frame, kernel_data), 0}), -RINGFOLD_EINVAL,
                     "no such operation");
    }
    for (const uint64_t odd : Words{1U, 2U, 4U, 7U}) {
        check_status(set_entry(address + odd, entry_for(frame, kernel_data)), -RINGFOLD_EINVAL, "a misaligned entry");
    }
    check_status(set_entry(frame.address(), 0), -RINGFOLD_ENOENT, "an entry in a data frame");
    check_equal(load<uint64_t>(linear_address(frame)), 0, "the data frame");
    check_status(set_entry(1ULL << 52 | address, 0), -RINGFOLD_EFAULT, "an address past all memory");
    check_status(set_entry(~uint64_t{7}, 0), -RINGFOLD_EFAULT, "the last address");
    check_equal(find_slot(window).value, 0, "the entry");
}

}  // namespace

void guest_main() {
    const MachineFrame frame = machine_frame(allocate_frame());
    map_page(window, 0);
    stops_at_the_first(frame);
    ranges();
    across_pages(frame);
    bad_operations(frame);
}
