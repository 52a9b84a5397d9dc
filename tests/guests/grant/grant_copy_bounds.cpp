// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// CVE-2012-5525 and its kin: a copy that reaches past a page, by its offset, its length, their sum, or a sum that
// wraps, is refused (ERANGE), on either side; frames that are not the caller's own are refused (EFAULT) though they
// exist, as are device memory and numbers that no frame has; a destination that is a page table (EBUSY). Expected:
// neither page changes.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t mark = 0x5a5a'5a5a'5a5a'5a5a;

constinit MachineFrame ours{0};
constinit uint64_t ours_linear = 0;

void check_refused(const ringfold_grant_copy_end &from, const ringfold_grant_copy_end &to, uint32_t length,
                   int64_t status, const char *what) {
    check_element(copy_grant({from, to, length, 1}), status, what);
}

}  // namespace

void guest_main() {
    peer::connect();
    const peer::Frame theirs = peer::allocate();
    peer::grant(1, theirs.machine);
    const PhysicalFrame own = allocate_frames(2);
    ours = machine_frame(own);
    ours_linear = linear_address(own);
    store<uint64_t>(ours_linear, mark);
    store<uint64_t>(ours_linear + 4088, mark);
    struct Range {
        uint16_t source;
        uint16_t destination;
        uint32_t length;
    };
    for (const Range range :
         {Range{0, 0, 4097}, Range{1, 0, 4096}, Range{0, 1, 4096}, Range{4095, 0, 2}, Range{0, 4095, 2},
          Range{4096, 0, 1}, Range{0, 4096, 1}, Range{0xffff, 0, 1}, Range{0, 0xffff, 1}, Range{0, 0, 0xffff'ffff},
          Range{1, 0, 0xffff'ffff}, Range{0, 0xffff, 0xffff'0001}, Range{4097, 0, 0}, Range{0, 4097, 0}}) {
        const auto granted_source = granted_end(peer_domain, 1, range.source);
        const auto granted_destination = granted_end(peer_domain, 1, range.destination);
        check_refused(granted_source, own_end(ours, range.destination), range.length, -RINGFOLD_ERANGE, "reading");
        check_refused(own_end(ours, range.source), granted_destination, range.length, -RINGFOLD_ERANGE, "writing");
    }
    for (const uint64_t frame : Words{0, 0x100, 0x200, 0xfee00, 0x7fff, 1ULL << 28, 1ULL << 52, ~0ULL}) {
        check_refused(own_end(MachineFrame{frame}), own_end(ours), 8, -RINGFOLD_EFAULT, "from a frame of others");
        check_refused(own_end(ours), own_end(MachineFrame{frame}), 8, -RINGFOLD_EFAULT, "to a frame of others");
    }
    check_refused(own_end(theirs.machine), own_end(ours), 8, -RINGFOLD_EFAULT, "from the peer's, without its grant");
    check_refused(own_end(ours), own_end(this_vcpu().root), 8, -RINGFOLD_EBUSY, "to a page table");
    check_refused({1ULL << 32 | 1, peer_domain, 0, RINGFOLD_GRANT_COPY_GRANTED}, own_end(ours), 8, -RINGFOLD_ERANGE,
                  "a reference of more than 32 bits");
    check_refused({ours.number, peer_domain, 0, 0}, own_end(ours), 8, -RINGFOLD_EINVAL, "a domain without reference");
    check_refused({1, peer_domain, 0, 2}, own_end(ours), 8, -RINGFOLD_EINVAL, "unknown flags");
    check_equal(load<uint64_t>(ours_linear), mark, "the first word");
    check_equal(load<uint64_t>(ours_linear + 4088), mark, "the last word");
    check_equal(load<uint64_t>(ours_linear + 4096), 0, "the next page");
    uint64_t seen = 1;
    check(peer::load(theirs.linear, seen) && seen == 0, "the peer's page: 0x%lx", seen);
    check_equal(peer::control(1), grant_control(test_domain), "the entry");
    peer::end();
}
