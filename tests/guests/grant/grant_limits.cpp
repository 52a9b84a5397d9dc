// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=120
//
// Limits are told by grant_info, and what goes beyond one says which: pages of the own table (ERANGE), handles
// (EMFILE). Expected: all pages below the limit can be registered, the next is refused; as many rights as the limit
// says can be had, the next is refused and changes nothing, and after one was given up one more can be had, under
// another number.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t batch = 128;

void fill_table() {
    const ringfold_grant_info info = grant_info();
    const MachineFrame page = machine_frame(allocate_frame());
    for (uint32_t index = 0; index < info.table_limit; ++index) {
        check_status(set_grant_page(index, page.number), 0, "a page below the limit");
    }
    check_equal(grant_info().table_pages, info.table_limit, "pages");
    check_status(set_grant_page(info.table_limit, page.number), -RINGFOLD_ERANGE, "a page at the limit");
    for (uint32_t index = 0; index < info.table_limit; ++index) {
        check_status(set_grant_page(index, RINGFOLD_NO_FRAME), 0, "unregistering it");
    }
    check_equal(grant_info().table_pages, 0, "pages in the end");
}

// Rights until there are `count` more; the last handle.
uint32_t take(uint64_t count) {
    auto *list = call_buffer<ringfold_grant_map_element>();
    uint32_t last = 0;
    while (count != 0) {
        const uint64_t part = count < batch ? count : batch;
        for (uint64_t i = 0; i < part; ++i) {
            list[i] = {peer_domain, RINGFOLD_GRANT_MAP_READ_ONLY, 1, 0, 0, 1};
        }
        const Result result = hypercall(RINGFOLD_HYPERCALL_GRANT_MAP, 0, part);
        if (result.status != 0 && result.status != -RINGFOLD_EAGAIN) {
            fatal_failure("grant_map: status %ld", result.status);
        }
        for (uint64_t i = 0; i < result.value; ++i) {
            check(list[i].status == 0 && list[i].handle > last, "right: status %d, handle %u after %u", list[i].status,
                  list[i].handle, last);
            last = list[i].handle;
        }
        count -= result.value;
    }
    return last;
}

}  // namespace

void guest_main() {
    peer::connect();
    fill_table();
    peer::grant(1, peer::allocate().machine);
    const ringfold_grant_info info = grant_info();
    check(info.handle_limit > info.handles, "no handle is left");
    const uint32_t last = take(info.handle_limit - info.handles);
    check_equal(grant_info().handles, info.handle_limit, "handles");
    const uint32_t before = peer::control(1);
    check_element(map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY).status, -RINGFOLD_EMFILE, "one more");
    check_element(map_grant(peer_domain, 1).status, -RINGFOLD_EMFILE, "one more, writable");
    check_equal(peer::control(1), before, "the entry");
    check_element(unmap_grant(last), 0, "one given up");
    const ringfold_grant_map_element again = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY);
    check_element(again.status, 0, "one instead");
    check(again.handle != last, "the number is used again at once");
    peer::end();
}
