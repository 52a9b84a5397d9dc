// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A frame has one type at a time. Refused: linear page tables (a table that names itself or a table of its own level),
// a table linked a level too high or too low, a table whose entry names a data frame, and all uses of a table frame
// that are for writable frames: call buffer, vCPU page. Conversely a call buffer and a vCPU page cannot become tables
// or be released. Expected: EBUSY and nothing changed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

void check_busy(Result result, const char *what) { check_status(result, -RINGFOLD_EBUSY, what); }

void linear_tables() {
    for (uint32_t level = 2; level <= 4; ++level) {
        const PhysicalFrame frame = allocate_frame();
        store<uint64_t>(linear_address(frame) + 8 * 9, entry_for(machine_frame(frame), table_flags));
        map_initially(frame, kernel_read_only);
        const Result result = pin(machine_frame(frame), level);
        check(result.value == 0 && result.status == -RINGFOLD_EBUSY, "pinning an L%u that names itself: status %ld",
              level, result.status);
    }
    const MachineFrame root = this_vcpu().root;
    check_busy(set_entry(entry_address(root, 9), entry_for(root, table_flags)), "the root in its own entry");
    check_busy(set_entry(entry_address(root, 9), entry_for(root, kernel_read_only)),
               "the root in its own entry, read-only");
    check_equal(table_entries_of(root)[9], 0, "the entry");
}

void wrong_levels() {
    const MachineFrame l1 = make_table();
    const MachineFrame l3 = make_table();
    check_result(pin(l1, 1), 0, 1, "pinning an L1");
    check_result(pin(l3, 3), 0, 1, "pinning an L3");
    check_busy(set_entry(find_slot(window, 3).machine_address, entry_for(l1, table_flags)),
               "an L1 where an L2 belongs");
    check_busy(set_entry(find_slot(window, 3).machine_address, entry_for(l3, table_flags)),
               "an L3 where an L2 belongs");
    check_busy(set_entry(entry_address(this_vcpu().root, 9), entry_for(l1, table_flags)), "an L1 where an L3 belongs");
    const MachineFrame data = machine_frame(allocate_frame());
    check_busy(set_entry(find_slot(window, 3).machine_address, entry_for(data, table_flags)), "writable data as L2");
    uint64_t entries[table_entries] = {entry_for(l1, table_flags)};
    check_busy(pin(make_table(entries), 3), "an L3 that names an L1");
    entries[0] = entry_for(data, table_flags);
    check_busy(pin(make_table(entries), 2), "an L2 that names writable data");
    check_result(unpin(l1), 0, 1, "unpinning the L1");
    check_result(unpin(l3), 0, 1, "unpinning the L3");
}

void registered_frames() {
    const MachineFrame table = make_table();
    check_result(pin(table, 1), 0, 1, "pinning an L1");
    check_busy(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 3, table.number),
               "a page table as call buffer");
    check_result(unpin(table), 0, 1, "unpinning it");
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 3, table.number), 0, "then it can be one");
    check_busy(pin(table, 1), "a call buffer as page table");
    for (const MachineFrame frame : {table, machine_frame(vcpu_page_frame(0))}) {
        const Slot mapping = find_slot(linear_address(frame));
        check_result(set_entry(mapping.machine_address, entry_for(frame, kernel_read_only)), 0, 1,
                     "its mapping read-only");
        check_busy(pin(frame, 1), "a registered frame as page table");
        check_result(set_entry(mapping.machine_address, 0), 0, 1, "unmapped");
        *call_buffer<uint64_t>() = frame.number;
        check_busy(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), "releasing a registered frame");
        check_result(set_entry(mapping.machine_address, mapping.value), 0, 1, "mapped again");
    }
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 3, RINGFOLD_NO_FRAME), 0, "unregistering");
    check_result(pin(table, 1), 0, 1, "the frame can be a page table again");
    check_result(unpin(table), 0, 1, "unpinning it");
}

}  // namespace

void guest_main() {
    map_page(window + 512 * big_page_size, 0);  // L3 and L2 exist, the window's own L3 entry is empty
    linear_tables();
    wrong_levels();
    registered_frames();
}
