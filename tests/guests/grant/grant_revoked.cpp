// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// A granter that does not keep to the protocol harms nobody. While the peer has its frame mapped, it clears the entry,
// points it elsewhere, and tries to release the frame, pin it, exchange it, transfer it (EBUSY each). Expected: the
// peer still reads and writes the same frame; no new right comes from the entry; when the peer gives the right up, the
// hypervisor clears only its own bits, and then the frame is the granter's alone.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

void try_everything(MachineFrame frame) {
    *call_buffer<uint64_t>() = frame.number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), -RINGFOLD_EBUSY, "releasing it");
    check_status(pin(frame, 1), -RINGFOLD_EBUSY, "pinning it");
    *call_buffer<uint64_t>() = frame.number;
    check_status(exchange(0, 8, 1, 0, 64), -RINGFOLD_EBUSY, "exchanging it");
    peer::accept(5, 0);
    check_element(transfer_grant(peer_domain, 5, frame), -RINGFOLD_EBUSY, "transferring it");
    check_equal(peer::control(5), accept_control(test_domain), "the entry that accepts");
}

}  // namespace

void guest_main() {
    peer::connect();
    peer::make_room();
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    const MachineFrame frame = machine_frame(allocate_frame());
    const uint64_t linear = linear_address(frame);
    grant(entries[3], peer_domain, frame);
    const ringfold_grant_map_element mapped = peer::map_grant(3);
    check_status({peer::map(0, entry_for(frame, kernel_data)), 0}, 0, "the peer maps it");
    map_page(linear, 0);
    try_everything(frame);
    entries[3].control = 0;
    try_everything(frame);
    check_element(peer::map_grant(3).status, -RINGFOLD_ENOENT, "a right from the cleared entry");
    entries[3].frame = machine_frame(allocate_frame()).number;
    entries[3].control = RINGFOLD_GRANT_READ_ONLY | 0xffff'0000U;
    check_status(set_grant_page(0, RINGFOLD_NO_FRAME), -RINGFOLD_EBUSY, "unregistering the page");
    check(peer::store(peer_window, 0x5555), "the peer cannot write any more");
    check_status({peer::map(0, 0), 0}, 0, "the peer unmaps it");
    check_element(peer::unmap_grant(mapped.handle), 0, "the peer gives it up");
    check_equal(entries[3].control, RINGFOLD_GRANT_READ_ONLY | 0xffff'0000U, "the granter's own bits");
    map_page(linear, entry_for(frame, kernel_read_only));
    check_equal(load<uint64_t>(linear), 0x5555, "what the peer wrote");
    check_result(pin(frame, 1), -RINGFOLD_EACCES, 0, "0x5555 is no entry");
    check_status(set_grant_page(0, RINGFOLD_NO_FRAME), 0, "unregistering the page then");
    peer::end();
}
