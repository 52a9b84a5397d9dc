// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// XSA-224 and XSA-234: rights and mappings of both kinds on one frame, given up in orders that confuse counts. A
// writable right is needed by writable mappings only, the last right by any. Expected: EBUSY exactly while a mapping
// needs the right, whichever entry of the granter's it came from; the entry's bits follow the rights that are left;
// nothing is left in the end, and the granter can make the frame a page table.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t other = window + page_size;

void both_kinds(MachineFrame frame) {
    const uint32_t reading = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY).handle;
    const uint32_t writing = map_grant(peer_domain, 1).handle;
    check(reading != writing, "two rights have one handle");
    map_page(window, entry_for(frame, kernel_data));
    map_page(other, entry_for(frame, kernel_read_only));
    check_element(unmap_grant(writing), -RINGFOLD_EBUSY, "the writable right under a writable mapping");
    check_element(unmap_grant(reading), 0, "the read-only right, which nothing needs");
    check_element(unmap_grant(reading), -RINGFOLD_ENOENT, "the same again");
    map_page(window, 0);
    check_element(unmap_grant(writing), -RINGFOLD_EBUSY, "the last right under a read-only mapping");
    map_page(other, 0);
    check_element(unmap_grant(writing), 0, "the last right");
    check_equal(peer::control(1), grant_control(test_domain), "the entry");
}

void made_read_only(MachineFrame frame) {
    const uint32_t reading = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY).handle;
    const uint32_t writing = map_grant(peer_domain, 1).handle;
    map_page(window, entry_for(frame, kernel_data));
    check_result(change_flags(find_slot(window).machine_address, 1, 0, RINGFOLD_ENTRY_WRITABLE), 0, 1,
                 "made read-only");
    check_element(unmap_grant(writing), 0, "the writable right under a read-only mapping");
    check_equal(peer::control(1), grant_control(test_domain) | RINGFOLD_GRANT_READING, "the entry");
    check_equal(catch_entry([] { store<uint64_t>(window, 1); }).frame.vector, page_fault, "a store, never flushed");
    check_status(change_flags(find_slot(window).machine_address, 1, RINGFOLD_ENTRY_WRITABLE, RINGFOLD_ENTRY_WRITABLE),
                 -RINGFOLD_EACCES, "made writable again");
    check_element(unmap_grant(reading), -RINGFOLD_EBUSY, "the read-only right under it");
    map_page(window, 0);
    check_element(unmap_grant(reading), 0, "the read-only right");
}

void two_entries(MachineFrame frame) {
    peer::grant(2, frame);
    const uint32_t first = map_grant(peer_domain, 1).handle;
    const uint32_t second = map_grant(peer_domain, 2).handle;
    map_page(window, entry_for(frame, kernel_data));
    check_element(unmap_grant(first), 0, "one of two writable rights");
    check_equal(peer::control(1), grant_control(test_domain), "the first entry");
    check_element(unmap_grant(second), -RINGFOLD_EBUSY, "the other of them");
    check_equal(peer::control(2), grant_control(test_domain) | grant_in_use, "the second entry");
    map_page(window, 0);
    check_element(unmap_grant(second), 0, "without mappings");
}

}  // namespace

void guest_main() {
    peer::connect();
    const peer::Frame theirs = peer::allocate();
    peer::grant(1, theirs.machine);
    for (unsigned round = 0; round < 3; ++round) {
        both_kinds(theirs.machine);
        made_read_only(theirs.machine);
        two_entries(theirs.machine);
    }
    check_status({peer::map_initially(theirs, 0), 0}, 0, "the peer unmaps it");
    const ringfold_page_table_operation pin_it{RINGFOLD_PAGE_TABLE_PIN, 1, theirs.machine.number, 0, 0};
    *reinterpret_cast<ringfold_page_table_operation *>(peer::buffer()) = pin_it;
    check_result(peer::hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, 0, 1), 0, 1, "the frame becomes a page table");
    peer::end();
}
