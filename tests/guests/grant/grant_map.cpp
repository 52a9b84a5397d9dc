// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// A grant lets the borrower map the granter's frame, and each sees what the other writes, in both directions. Without a
// right, and after it was given up, an entry that names the frame is refused (EACCES); a right cannot be given up while
// entries are left (EBUSY), nor twice (ENOENT). READING and WRITING are set in the entry as long as somebody has a
// right.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

void borrow() {
    const peer::Frame theirs = peer::allocate();
    check(peer::store(theirs.linear, 0x1111), "the peer writes");
    map_page(window, 0);
    const uint64_t slot = find_slot(window).machine_address;
    check_status(set_entry(slot, entry_for(theirs.machine, kernel_data)), -RINGFOLD_EACCES, "without a right");
    peer::grant(1, theirs.machine);
    check_status(set_entry(slot, entry_for(theirs.machine, kernel_data)), -RINGFOLD_EACCES, "with a grant only");
    const ringfold_grant_map_element mapped = map_grant(peer_domain, 1);
    check_element(mapped.status, 0, "grant_map");
    check_equal(mapped.frame, theirs.machine.number, "the frame");
    check_equal(peer::control(1), grant_control(test_domain) | grant_in_use, "the entry in use");
    map_page(window, entry_for(theirs.machine, kernel_data));
    map_page(window + page_size, entry_for(theirs.machine, kernel_read_only));
    check_equal(load<uint64_t>(window), 0x1111, "what the granter wrote");
    store<uint64_t>(window, 0x2222);
    uint64_t seen = 0;
    check(peer::load(theirs.linear, seen) && seen == 0x2222, "the granter sees 0x%lx", seen);
    check_element(unmap_grant(mapped.handle), -RINGFOLD_EBUSY, "unmap with two entries left");
    map_page(window, 0);
    check_element(unmap_grant(mapped.handle), -RINGFOLD_EBUSY, "unmap with one entry left");
    check_equal(load<uint64_t>(window + page_size), 0x2222, "the mapping that is left");
    check_equal(peer::control(1), grant_control(test_domain) | grant_in_use, "the entry after refusals");
    map_page(window + page_size, 0);
    check_element(unmap_grant(mapped.handle), 0, "unmap");
    check_equal(peer::control(1), grant_control(test_domain), "the entry without use");
    check_element(unmap_grant(mapped.handle), -RINGFOLD_ENOENT, "unmap again");
    check_element(unmap_grant(0), -RINGFOLD_ENOENT, "handle 0");
    check_status(set_entry(slot, entry_for(theirs.machine, kernel_read_only)), -RINGFOLD_EACCES, "after the unmap");
    check_equal(find_slot(window).value, 0, "the entry of the page table");
}

void lend() {
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    const PhysicalFrame ours = allocate_frame();
    store<uint64_t>(linear_address(ours) + 8, 0x3333);
    grant(entries[9], peer_domain, machine_frame(ours));
    const ringfold_grant_map_element mapped = peer::map_grant(9);
    check_element(mapped.status, 0, "grant_map by the peer");
    check_status({peer::map(0, entry_for(machine_frame(ours), kernel_data)), 0}, 0, "the peer maps it");
    uint64_t seen = 0;
    check(peer::load(peer_window + 8, seen) && seen == 0x3333, "the peer sees 0x%lx", seen);
    check(peer::store(peer_window + 8, 0x4444), "the peer writes");
    check_equal(load<uint64_t>(linear_address(ours) + 8), 0x4444, "what the peer wrote");
    check(!revoke(entries[9]), "revoked while it is in use");
    check_equal(grant_info().entries_used, 1, "entries in use");
    check_status({peer::map(0, 0), 0}, 0, "the peer unmaps it");
    check_element(peer::unmap_grant(mapped.handle), 0, "grant_unmap by the peer");
    check(revoke(entries[9]), "not to be revoked: control is 0x%x", entries[9].control);
    check_element(peer::map_grant(9).status, -RINGFOLD_ENOENT, "a revoked grant");
}

}  // namespace

void guest_main() {
    peer::connect();
    borrow();
    lend();
    peer::end();
}
