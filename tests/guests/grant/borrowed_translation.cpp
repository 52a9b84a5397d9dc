// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// What a borrower's processor has cached is of no use once its right is gone. The peer maps this domain's frame, writes
// to it, takes the entry away without a flush, and gives the right up; this domain then makes the frame a page table,
// or releases it and has it again. The peer stores through the address that it had. Expected each time: the store
// faults, and what is in the frame now is unchanged.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr unsigned rounds = 50;

}  // namespace

void guest_main() {
    peer::connect();
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    const MachineFrame frame = machine_frame(allocate_frame());
    map_initially(frame, kernel_read_only);
    for (unsigned round = 0; round < rounds; ++round) {
        grant(entries[1], peer_domain, frame);
        const ringfold_grant_map_element mapped = peer::map_grant(1);
        check_element(mapped.status, 0, "grant_map by the peer");
        check_equal(static_cast<uint64_t>(peer::map(round % 7, entry_for(frame, kernel_data))), 0, "mapped");
        const uint64_t linear = peer_window + round % 7 * page_size;
        check(peer::store(linear, 0), "the peer cannot write");
        check_equal(static_cast<uint64_t>(peer::map(round % 7, 0, false)), 0, "unmapped, not flushed");
        check_element(peer::unmap_grant(mapped.handle), 0, "given up");
        check(revoke(entries[1]), "not to be revoked");
        check_result(pin(frame, 1), 0, 1, "made a page table");
        check(!peer::store(linear, 0x7), "round %u: the peer writes to a page table", round);
        check_equal(table_entries_of(frame)[0], 0, "the page table");
        check_result(unpin(frame), 0, 1, "and ordinary memory again");
    }
    peer::end();
}
