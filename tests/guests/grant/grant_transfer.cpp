// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// grant_transfer gives a frame with its contents to a domain that accepts one, in both directions. The receiver finds
// the machine frame in its entry, TRANSFERRED set, and the machine-to-physical table as it asked; it can map it, the
// giver cannot any more (EACCES). A frame that is mapped, lent, a page table or registered is refused (EBUSY), a
// foreign one (EFAULT), and an entry that accepts nothing (ENOENT), from another (EPERM), or had its frame already
// (ENOENT); after a refusal entry and frame are as they were.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint32_t flags = RINGFOLD_GRANT_TRANSFERRING | RINGFOLD_GRANT_TRANSFERRED;
constexpr uint64_t window = 0x0000'0000'4000'0000;

// A frame of this domain's that nothing uses any more, with a word in it.
MachineFrame unused_frame(uint64_t word) {
    const PhysicalFrame frame = allocate_frame();
    store<uint64_t>(linear_address(frame), word);
    map_page(linear_address(frame), 0);
    return machine_frame(frame);
}

void refusals() {
    const MachineFrame mapped = machine_frame(allocate_frame());
    check_element(transfer_grant(peer_domain, 1, mapped), -RINGFOLD_EBUSY, "a mapped frame");
    check_element(transfer_grant(peer_domain, 1, this_vcpu().root), -RINGFOLD_EBUSY, "the running root");
    check_element(transfer_grant(peer_domain, 1, machine_frame_at(call_buffer_bytes())), -RINGFOLD_EBUSY,
                  "the call buffer");
    for (const uint64_t frame : Words{0, 0x100, 0xfee00, 1ULL << 40, ~0ULL}) {
        check_element(transfer_grant(peer_domain, 1, MachineFrame{frame}), -RINGFOLD_EFAULT, "a frame of others");
    }
    check_equal(peer::control(1), accept_control(test_domain), "the entry");
    const MachineFrame unused = unused_frame(1);
    check_element(transfer_grant(peer_domain, 2, unused), -RINGFOLD_ENOENT, "an empty entry");
    check_element(transfer_grant(peer_domain, 300, unused), -RINGFOLD_ERANGE, "no such entry");
    check_element(transfer_grant(9, 1, unused), -RINGFOLD_ENOENT, "no such domain");
    peer::grant(2, unused);
    check_element(transfer_grant(peer_domain, 2, unused), -RINGFOLD_ENOENT, "an entry that permits");
}

}  // namespace

void guest_main() {
    peer::connect();
    const MachineFrame frame = unused_frame(0xbeef);
    peer::accept(1, 0x4444);
    check_element(transfer_grant(peer_domain, 1, frame), -RINGFOLD_ENOMEM, "a receiver at its maximum");
    check_equal(peer::control(1), accept_control(test_domain), "the entry that was refused");
    map_page(window, entry_for(frame, kernel_read_only));
    check_equal(load<uint64_t>(window), 0xbeef, "the frame that was refused");
    map_page(window, 0);
    peer::make_room();
    refusals();

    check_element(transfer_grant(peer_domain, 1, frame), 0, "grant_transfer");
    check_equal(peer::control(1), accept_control(test_domain) | flags, "the entry");
    check_status(set_entry(find_slot(window).machine_address, entry_for(frame, kernel_read_only)), -RINGFOLD_EACCES,
                 "mapped by the giver");
    check_element(transfer_grant(peer_domain, 1, frame), -RINGFOLD_ENOENT, "a second time");
    check_equal(physical_frame(frame).number, 0x4444, "the machine-to-physical table");
    check_equal(static_cast<uint64_t>(peer::map(0, entry_for(frame, kernel_data))), 0, "mapped by the receiver");
    uint64_t seen = 0;
    check(peer::load(peer_window, seen) && seen == 0xbeef, "its contents: 0x%lx", seen);

    // And back again, into a table of this domain's.
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    entries[8].frame = 77;
    entries[8].control = accept_control(peer_domain);
    auto *element = reinterpret_cast<ringfold_grant_transfer_element *>(peer::buffer());
    *element = {frame.number, test_domain, 0, 8, 1, 0};
    check_result(peer::hypercall(RINGFOLD_HYPERCALL_GRANT_TRANSFER, 0, 1), 0, 1, "by the peer");
    check_element(element->status, -RINGFOLD_EBUSY, "while the peer has it mapped");
    check_equal(static_cast<uint64_t>(peer::map(0, 0, false)), 0, "unmapped, not flushed");
    element->status = 1;
    check_result(peer::hypercall(RINGFOLD_HYPERCALL_GRANT_TRANSFER, 0, 1), 0, 1, "by the peer");
    check_element(element->status, 0, "when it has not");
    check_equal(entries[8].control, accept_control(peer_domain) | flags, "the entry here");
    check_equal(entries[8].frame, frame.number, "the frame in it");
    check(!peer::store(peer_window, 1), "the peer writes through a stale translation");
    map_page(window, entry_for(frame, kernel_data));
    check_equal(load<uint64_t>(window), 0xbeef, "its contents again");
    check_equal(grant_info().entries_used, 0, "entries in use");
    peer::end();
}
