// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// L4 entry 256 is Ringfold's: no guest root may hold anything there, by any route. Tried: SET and FLAGS_RUN on the
// running root's entry and on another root's, pinning and loading a root that has one, starting a vCPU on one, and a
// table that the guest would share there. Expected: EACCES, entry 256 stays 0, and the vCPU page in the slot works as
// before. The gate's own frames, as the M2P names none of them, are covered by foreign_frames.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t slot = 256;

}  // namespace

void guest_main() {
    const MachineFrame root = this_vcpu().root;
    const MachineFrame l3 = make_table();
    check_result(pin(l3, 3), 0, 1, "pinning an L3");
    const uint64_t address = entry_address(root, slot);
    check_equal(table_entries_of(root)[slot], 0, "entry 256 at the start");

    for (const uint64_t flags : Words{table_flags, table_flags & ~RINGFOLD_ENTRY_USER, kernel_read_only}) {
        check_status(set_entry(address, entry_for(l3, flags)), -RINGFOLD_EACCES, "SET of a table");
        check_status(set_entry_keeping(address, entry_for(l3, flags)), -RINGFOLD_EACCES, "SET_KEEP of a table");
    }
    check_status(set_entry(address, table_entries_of(root)[511]), -RINGFOLD_EACCES, "SET of the kernel's own L3");
    check_result(set_entry(address, 0), 0, 1, "SET of 0");
    check_equal(table_entries_of(root)[slot], 0, "entry 256");
    check_equal(vcpu_page().vcpu_id, 0, "the vCPU page");

    uint64_t entries[table_entries] = {};
    entries[slot] = entry_for(l3, table_flags);
    entries[511] = table_entries_of(root)[511];
    const MachineFrame other = make_table(entries);
    check_status(pin(other, 4), -RINGFOLD_EACCES, "pinning a root with an entry 256");
    check_status(load_root(other), -RINGFOLD_EACCES, "loading it");
    check_equal(this_vcpu().root.number, root.number, "the running root");
    map_initially(other, kernel_data);
    check_equal(load<uint64_t>(linear_address(other) + 8 * slot), entry_for(l3, table_flags),
                "the refused root is untouched");

    store<uint64_t>(linear_address(other) + 8 * slot, 0);
    map_initially(other, kernel_read_only);
    check_result(load_root(other), 0, 1, "loading it without the entry");
    check_status(set_entry(entry_address(other, slot), entry_for(l3, table_flags)), -RINGFOLD_EACCES,
                 "SET in the new root");
    check_result(version(0), 0, RINGFOLD_ABI_VERSION, "a hypercall on the new root");
    check_result(load_root(root), 0, 1, "back");
}
