// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// The borrower dies with rights and mappings, writable and read-only, of two of this domain's frames. Expected: some
// time later no entry is in use any more, and then each frame is this domain's alone: one can become a page table, one
// be released; what the dead domain wrote last is there.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t patience = 20'000 * millisecond;

}  // namespace

void guest_main() {
    peer::connect();
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    const PhysicalFrame first = allocate_frames(2);
    const MachineFrame written = machine_frame(first);
    const MachineFrame read = machine_frame(PhysicalFrame{first.number + 1});
    grant(entries[1], peer_domain, written);
    grant(entries[2], peer_domain, read, RINGFOLD_GRANT_READ_ONLY);
    check_element(peer::map_grant(1).status, 0, "grant_map");
    check_element(peer::map_grant(1, RINGFOLD_GRANT_MAP_READ_ONLY).status, 0, "grant_map, read-only");
    check_element(peer::map_grant(2, RINGFOLD_GRANT_MAP_READ_ONLY).status, 0, "grant_map of the other");
    check_equal(static_cast<uint64_t>(peer::map(0, entry_for(written, kernel_data))), 0, "mapped writable");
    check_equal(static_cast<uint64_t>(peer::map(1, entry_for(written, kernel_read_only))), 0, "mapped read-only");
    check_equal(static_cast<uint64_t>(peer::map(2, entry_for(read, kernel_read_only))), 0, "the other mapped");
    check(peer::store(peer_window + 16, RINGFOLD_ENTRY_DIRTY), "the peer writes");
    map_initially(written, kernel_read_only);
    map_page(linear_address(read), 0);
    check_status(pin(written, 1), -RINGFOLD_EBUSY, "pinned while it is lent");
    check_equal(grant_info().entries_used, 2, "entries in use");
    peer::end();
    const uint64_t deadline = system_time() + patience;
    while (grant_info().entries_used != 0 && system_time() < deadline) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    check_equal(grant_info().entries_used, 0, "entries in use after its death");
    check(revoke(entries[1]) && revoke(entries[2]), "not to be revoked");
    check_equal(load<uint64_t>(linear_address(written) + 16), RINGFOLD_ENTRY_DIRTY, "what it wrote last");
    check_result(pin(written, 1), 0, 1, "pinned as a page table");
    *call_buffer<uint64_t>() = read.number;
    check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "released");
    peer::disconnect();
}
