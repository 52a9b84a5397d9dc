// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=16M timeout=60
//
// A 2 MiB mapping over frames of another domain is refused (EACCES), read-only or writable, however many of the
// extent's frames are borrowed, and over an extent of which the domain owns all frames but one that it gave away.
// Expected: the entry stays 0, and the borrowed frame can still be mapped as what it is, a page of 4 KiB.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'8000'0000;
constexpr uint64_t frames = 512;

void check_big_refused(MachineFrame first, const char *what) {
    const Slot slot = find_slot(window, 2);
    for (const uint64_t flags : Words{kernel_read_only, kernel_data}) {
        check_status(set_entry(slot.machine_address, entry_for(first, flags | RINGFOLD_ENTRY_BIG)), -RINGFOLD_EACCES,
                     what);
    }
    check_equal(find_slot(window, 2).value, 0, "the entry");
}

}  // namespace

void guest_main() {
    peer::connect();
    map_page(window - page_size * frames, 0);  // so that there is an L2 for the window
    map_page(window + page_size * frames, 0);
    const peer::Frame theirs = peer::allocate();
    peer::grant(1, theirs.machine);
    const ringfold_grant_map_element mapped = map_grant(peer_domain, 1);
    check_element(mapped.status, 0, "grant_map");
    check_big_refused(MachineFrame{theirs.machine.number & ~(frames - 1)}, "an extent of the peer's");
    map_page(window - page_size * frames, entry_for(theirs.machine, kernel_data));
    check_big_refused(MachineFrame{theirs.machine.number & ~(frames - 1)}, "with a page of it mapped");
    map_page(window - page_size * frames, 0);
    check_element(unmap_grant(mapped.handle), 0, "given up");
    peer::end();
}
