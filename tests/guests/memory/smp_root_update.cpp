// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// Every CPU runs on a private copy of the guest's L4. A change to an L4 entry must have reached all copies when the
// hypercall returns. vCPU 1 reads through an L4 entry in a loop; vCPU 0 sets, changes and clears that entry. Expected:
// after a clear and a flush of all vCPUs the reader faults; after a change it reads the new page; a new entry is usable
// at once on both CPUs.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'1000'0000'0000;  // L4 entry 32, its own
constexpr unsigned rounds = 25;

constinit Barrier barrier{2};

MachineFrame make_tree(uint64_t mark) {
    const PhysicalFrame page = allocate_frame();
    store<uint64_t>(linear_address(page), mark);
    uint64_t entries[table_entries] = {entry_for(machine_frame(page), user_read_only)};
    entries[0] = entry_for(make_table(entries), table_flags);
    entries[0] = entry_for(make_table(entries), table_flags);
    return make_table(entries);
}

uint64_t read_window() {
    uint64_t value = 0;
    const Entry entry = catch_entry([&value] { value = load<uint64_t>(window); });
    return entry.happened ? 0 : value;
}

void second(uint64_t) {
    for (unsigned round = 0; round < rounds; ++round) {
        for (const uint64_t expected : Words{1, 2, 0}) {
            barrier.wait();
            check_equal(read_window(), expected, "what the other vCPU reads");
            barrier.wait();
        }
    }
}

void set_root_entry(uint64_t entry) {
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, entry_address(this_vcpu().root, index_of(window, 4)), entry, 0};
    batch[1] = {RINGFOLD_PAGE_TABLE_FLUSH, RINGFOLD_FLUSH_ALL, 0, 0, 0};
    check_result(apply_batch(2), 0, 2, "setting the L4 entry and flushing");
}

}  // namespace

void guest_main() {
    const MachineFrame first = make_tree(1);
    const MachineFrame other = make_tree(2);
    start_vcpu(1, second);
    for (unsigned round = 0; round < rounds; ++round) {
        for (const uint64_t entry : {entry_for(first, table_flags), entry_for(other, table_flags), uint64_t{0}}) {
            set_root_entry(entry);
            check_equal(read_window(),
                        entry == 0                               ? 0
                        : entry == entry_for(first, table_flags) ? 1
                                                                 : 2,
                        "what vCPU 0 reads");
            barrier.wait();
            barrier.wait();
        }
    }
    join_vcpu(1);
}
