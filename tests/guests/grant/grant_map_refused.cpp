// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// What an entry does not permit, grant_map refuses, each with its own error, without setting a bit of the entry,
// without a handle, and without a reference on the frame: EINVAL unknown flags; ENOENT an empty entry, one that
// accepts, no such domain; ERANGE a reference past the table; EPERM an entry for another domain; EACCES a read-only
// one; EFAULT frames that are not the granter's own RAM; EBUSY a page table of the granter's, to be written.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

void check_refused(uint32_t reference, uint16_t flags, int64_t status, const char *what) {
    const uint32_t before = peer::control(reference);
    check_element(map_grant(peer_domain, reference, flags).status, status, what);
    check_equal(peer::control(reference), before, what);
}

}  // namespace

void guest_main() {
    peer::connect();
    const uint32_t handles = grant_info().handles;
    const peer::Frame theirs = peer::allocate();
    check_refused(1, 0, -RINGFOLD_ENOENT, "an empty entry");
    check_element(map_grant(peer_domain, RINGFOLD_GRANTS_PER_PAGE).status, -RINGFOLD_ERANGE, "past the page");
    check_element(map_grant(peer_domain, 0xffff'ffff).status, -RINGFOLD_ERANGE, "the last reference");
    peer::grant(1, theirs.machine);
    for (const uint64_t flags : Words{2, 3, 0x8000, 0xffff}) {
        check_refused(1, static_cast<uint16_t>(flags), -RINGFOLD_EINVAL, "unknown flags");
    }
    for (const uint64_t domain : Words{0, 3, 0x7ff0, 0xfff0, 0xfff1, 0xffff}) {
        check_element(map_grant(static_cast<uint32_t>(domain), 1).status, -RINGFOLD_ENOENT, "no such domain");
    }
    peer::grant(1, theirs.machine, 3U << RINGFOLD_GRANT_DOMAIN_SHIFT);  // domain 1 | 3
    check_refused(1, 0, -RINGFOLD_EPERM, "another domain's");
    peer::grant(1, theirs.machine, RINGFOLD_GRANT_READ_ONLY);
    check_refused(1, 0, -RINGFOLD_EACCES, "a read-only grant to be written");
    peer::accept(1, 5);
    check_refused(1, 0, -RINGFOLD_ENOENT, "an entry that accepts");
    const MachineFrame ours = machine_frame(allocate_frame());
    for (const uint64_t frame : Words{0, 0x100, ours.number, 0xfee00, 0x7fff, 1ULL << 28, 1ULL << 40, ~0ULL}) {
        peer::grant(1, MachineFrame{frame});
        check_refused(1, 0, -RINGFOLD_EFAULT, "a frame that is not the granter's");
        check_refused(1, RINGFOLD_GRANT_MAP_READ_ONLY, -RINGFOLD_EFAULT, "a frame that is not the granter's");
    }
    peer::grant(1, theirs.machine);
    check_status({peer::map_initially(theirs, entry_for(theirs.machine, kernel_read_only)), 0}, 0, "made read-only");
    const ringfold_page_table_operation pin_it{RINGFOLD_PAGE_TABLE_PIN, 1, theirs.machine.number, 0, 0};
    *reinterpret_cast<ringfold_page_table_operation *>(peer::buffer()) = pin_it;
    check_result(peer::hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, 0, 1), 0, 1, "the peer pins it");
    check_refused(1, 0, -RINGFOLD_EBUSY, "a page table to be written");
    const ringfold_grant_map_element table = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY);
    check_element(table.status, 0, "a page table to be read");
    check_element(unmap_grant(table.handle), 0, "given up");
    check_equal(grant_info().handles, handles, "handles");
    peer::end();
}
