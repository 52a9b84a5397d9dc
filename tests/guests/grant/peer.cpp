// SPDX-License-Identifier: Apache-2.0
// guest: memory=8M timeout=60
//
// The other side of the tests of grants: as domain 2 it does what the test in domain 1 tells it (framework/peer.hpp).
// Alone it tests what needs nobody else: the limits of its own table are told, and pages beyond them, page tables,
// frames that are not its own and frames of nobody are refused without being registered; references to itself are, too.
#include "framework/peer.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

void refusals() {
    const ringfold_grant_info info = grant_info();
    check_equal(info.table_pages, 0, "pages at first");
    check(info.table_limit > 0, "no table at all");
    check_equal(info.entries_used + info.handles + info.reserved, 0, "used at first");
    const MachineFrame page = machine_frame(allocate_frame());
    check_status(set_grant_page(info.table_limit, page.number), -RINGFOLD_ERANGE, "a page at the limit");
    check_status(set_grant_page(0xffff'ffff, page.number), -RINGFOLD_ERANGE, "a page far past it");
    check_status(hypercall(RINGFOLD_HYPERCALL_GRANT_TABLE_SET, 1ULL << 32, page.number), -RINGFOLD_ERANGE,
                 "an index of more than 32 bits");
    check_status(set_grant_page(0, this_vcpu().root.number), -RINGFOLD_EBUSY, "a page table");
    for (const uint64_t frame : Words{0, 0xfee00, 1ULL << 40, RINGFOLD_NO_FRAME - 1}) {
        check_status(set_grant_page(0, frame), -RINGFOLD_EFAULT, "a frame that is not its own");
    }
    check_equal(grant_info().table_pages, 0, "pages after refusals");
    check_status(hypercall(RINGFOLD_HYPERCALL_GRANT_DESCRIBE, call_buffer_size - 8), -RINGFOLD_EFAULT,
                 "past the buffer");
}

void own_table() {
    volatile ringfold_grant_entry *entries = add_grant_page(0);
    check_equal(grant_info().table_pages, 1, "pages");
    const MachineFrame frame = machine_frame(allocate_frame());
    grant(entries[0], start_info().domain_id, frame);
    check_element(map_grant(start_info().domain_id, 0).status, -RINGFOLD_EINVAL, "borrowing from itself");
    check_element(map_grant(77, 0).status, -RINGFOLD_ENOENT, "borrowing from nobody");
    check_element(transfer_grant(start_info().domain_id, 0, frame), -RINGFOLD_EINVAL, "giving to itself");
    check_equal(entries[0].control, grant_control(start_info().domain_id), "the entry");
    check_status(set_grant_page(0, RINGFOLD_NO_FRAME), 0, "unregistering");
    check_equal(grant_info().table_pages, 0, "pages afterwards");
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == peer_domain) {
        serve_as_peer();
    }
    refusals();
    own_table();
}
