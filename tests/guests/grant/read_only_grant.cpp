// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// A read-only grant, and a read-only right on a writable grant, give read-only mappings only: a writable entry is
// refused (EACCES), one that is made writable by a run of flags too, and the entry stays as it was; a store through the
// mapping faults and the granter's word is unchanged.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

void try_to_write(MachineFrame frame) {
    map_page(window, entry_for(frame, kernel_read_only));
    const Slot slot = find_slot(window);
    check_status(set_entry(slot.machine_address, entry_for(frame, kernel_data)), -RINGFOLD_EACCES, "a writable entry");
    check_status(set_entry_keeping(slot.machine_address, entry_for(frame, kernel_data)), -RINGFOLD_EACCES,
                 "a writable entry, bits kept");
    check_status(change_flags(slot.machine_address, 1, RINGFOLD_ENTRY_WRITABLE, RINGFOLD_ENTRY_WRITABLE),
                 -RINGFOLD_EACCES, "a run of flags");
    check_equal(find_slot(window).value & ~uint64_t{RINGFOLD_ENTRY_DIRTY}, entry_for(frame, kernel_read_only),
                "the entry");
    check_equal(load<uint64_t>(window), 0x7777, "what can be read");
    const Entry entry = catch_entry([] { store<uint64_t>(window, 1); });
    check_equal(entry.frame.vector, page_fault, "a store");
    check_equal(entry.cr2, window, "where it faulted");
    map_page(window, 0);
}

}  // namespace

void guest_main() {
    peer::connect();
    const peer::Frame theirs = peer::allocate();
    check(peer::store(theirs.linear, 0x7777), "the peer writes");
    for (const uint32_t flags : {uint32_t{RINGFOLD_GRANT_READ_ONLY}, uint32_t{0}}) {
        peer::grant(1, theirs.machine, flags);
        const ringfold_grant_map_element mapped = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY);
        check_element(mapped.status, 0, "a read-only right");
        check_equal(peer::control(1) & grant_in_use, RINGFOLD_GRANT_READING, "the entry");
        try_to_write(theirs.machine);
        check_element(unmap_grant(mapped.handle), 0, "given up");
    }
    uint64_t seen = 0;
    check(peer::load(theirs.linear, seen) && seen == 0x7777, "the granter's word is 0x%lx", seen);
    peer::end();
}
