// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// The granter dies while its frame is mapped, writable and read-only, here. Expected: the mappings live on, the
// contents stay, more entries may name the frame under the right that there is, and the frame goes to nobody else
// meanwhile; nothing new comes from the dead domain's table (ENOENT or ERANGE); the rights are given up as ever, EBUSY
// while entries are left; and then the machine ends, which it does only when nothing of the domain is left.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr uint64_t patience = 10'000 * millisecond;

// Its table closes some time after it has said that it ends.
int32_t status_from_the_dead(uint32_t reference) {
    const uint64_t deadline = system_time() + patience;
    for (;;) {
        const ringfold_grant_map_element mapped = map_grant(peer_domain, reference, RINGFOLD_GRANT_MAP_READ_ONLY);
        if (mapped.status != 0 || system_time() > deadline) {
            return mapped.status;
        }
        check_element(unmap_grant(mapped.handle), 0, "what still came is given up");
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

}  // namespace

void guest_main() {
    peer::connect();
    const peer::Frame theirs = peer::allocate();
    check(peer::store(theirs.linear, 0x6666), "the peer writes");
    peer::grant(1, theirs.machine);
    const uint32_t writing = map_grant(peer_domain, 1).handle;
    const uint32_t reading = map_grant(peer_domain, 1, RINGFOLD_GRANT_MAP_READ_ONLY).handle;
    map_page(window, entry_for(theirs.machine, kernel_data));
    peer::end();
    const int32_t status = status_from_the_dead(1);
    check(status == -RINGFOLD_ENOENT || status == -RINGFOLD_ERANGE, "a grant of the dead: status %d", status);
    for (unsigned round = 0; round < 100; ++round) {
        store<uint64_t>(window, load<uint64_t>(window) + 1);
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    map_page(window + page_size, entry_for(theirs.machine, kernel_read_only));
    check_equal(load<uint64_t>(window + page_size), 0x6666 + 100, "the frame of the dead");
    check_element(unmap_grant(writing), -RINGFOLD_EBUSY, "the writable right");
    map_page(window, 0);
    check_element(unmap_grant(writing), 0, "the writable right without a writable mapping");
    check_element(unmap_grant(reading), -RINGFOLD_EBUSY, "the read-only right");
    check_equal(load<uint64_t>(window + page_size), 0x6666 + 100, "what is still mapped");
    map_page(window + page_size, 0);
    check_element(unmap_grant(reading), 0, "the read-only right without mappings");
    check_status(set_entry(find_slot(window).machine_address, entry_for(theirs.machine, kernel_read_only)),
                 -RINGFOLD_EACCES, "mapped without a right");
    peer::disconnect();
    check_equal(grant_info().handles, 0, "handles");
}
