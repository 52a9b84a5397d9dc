// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A stale TLB entry must not outlive the right it stands for. The guest writes a page (so that a writable translation
// is cached), replaces the mapping *without flushing*, and makes the frame a page table, without a CR3 write of its own
// in between. Expected: from then on the old address does not write: the hypervisor has flushed what its rules need.
// The same for a frame that is released, for a table freed under a cached upper level, and for a frame that is a table
// no more.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t mark = 0x1122'3344'5566'7788;

// Tries to write through the window's old translation.
void attack(const char *what) {
    const Entry entry = catch_entry([] { store<uint64_t>(window, mark); });
    check(entry.frame.vector == page_fault, "%s: the store went through", what);
}

void becomes_table(uint32_t level) {
    const MachineFrame frame = make_table();
    map_page(window, entry_for(frame, user_data));
    store<uint64_t>(window, 0);
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, find_slot(window).machine_address, 0, 0};
    batch[1] = {RINGFOLD_PAGE_TABLE_PIN, level, frame.number, 0, 0};
    check_result(apply_batch(2), 0, 2, "unmapping and pinning in one batch");
    attack("a frame that became a table");
    check_equal(table_entries_of(frame)[0], 0, "the table");
    check_result(unpin(frame), 0, 1, "unpinning it");
}

void becomes_table_in_two_calls() {
    const MachineFrame frame = make_table();
    map_page(window, entry_for(frame, user_data));
    store<uint64_t>(window, 0);
    check_result(set_entry(find_slot(window).machine_address, 0), 0, 1, "unmapping");
    check_result(pin(frame, 1), 0, 1, "pinning");
    attack("a frame that became a table, two calls");
    check_equal(table_entries_of(frame)[0], 0, "the table");
    check_result(unpin(frame), 0, 1, "unpinning it");
}

void is_released() {
    const MachineFrame frame = make_table();
    map_page(window, entry_for(frame, user_data));
    store<uint64_t>(window, 0);
    check_result(set_entry(find_slot(linear_address(frame)).machine_address, 0), 0, 1, "its initial mapping");
    check_result(set_entry(find_slot(window).machine_address, 0), 0, 1, "the window's");
    *call_buffer<uint64_t>() = frame.number;
    check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "releasing it");
    attack("a released frame");
}

// The L1 above the window is unlinked and becomes data, with the guest's choice of entries: the walk must not use it.
void upper_level_is_cached() {
    const PhysicalFrame page = allocate_frame();
    map_page(window, entry_for(machine_frame(page), user_data));
    store<uint64_t>(window + 8, 0);
    const Slot upper = find_slot(window, 2);
    const MachineFrame l1 = frame_in(upper.value);
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, upper.machine_address, 0, 0};
    batch[1] = {RINGFOLD_PAGE_TABLE_SET, 0, find_slot(linear_address(l1)).machine_address, entry_for(l1, kernel_data),
                0};
    check_result(apply_batch(2), 0, 2, "unlinking the L1 and mapping it writable");
    store<uint64_t>(linear_address(l1) + 8, entry_for(this_vcpu().root, user_data));
    const Entry entry = catch_entry([] { load<uint64_t>(window + page_size); });
    check(entry.frame.vector == page_fault, "a walk used a page that is no table any more");
    attack("below an unlinked table");
}

}  // namespace

void guest_main() {
    for (uint32_t level = 1; level <= 4; ++level) {
        becomes_table(level);
    }
    becomes_table_in_two_calls();
    is_released();
    upper_level_is_cached();
}
