// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=1 memory=8M timeout=60
//
// Two domains that have each other's frames mapped end at the same moment, on one CPU, and give nothing back. Expected:
// neither's taking apart waits for the other's for ever: the machine ends, which it does only when nothing is left of
// both.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

void guest_main() {
    peer::connect();
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    const PhysicalFrame first = allocate_frames(8);
    for (uint32_t i = 0; i < 8; ++i) {
        const MachineFrame frame = machine_frame(PhysicalFrame{first.number + i});
        grant(entries[i], peer_domain, frame);
        check_element(peer::map_grant(i).status, 0, "grant_map by the peer");
        check_equal(static_cast<uint64_t>(peer::map(i, entry_for(frame, i % 2 == 0 ? kernel_data : kernel_read_only))),
                    0, "mapped by the peer");
    }
    check_equal(grant_info().entries_used, 8, "entries in use");
    check_equal(grant_info().handles, 1, "the mailbox");
    peer::end();
}
