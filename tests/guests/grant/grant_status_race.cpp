// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer vcpus=2 smp=3 memory=8M timeout=120
//
// The grant status race: one vCPU grants and revokes by the protocol, the other writes the entry as it likes, while the
// peer copies into the granted frame as fast as it can. Whenever a revocation has succeeded, the frame is the granter's
// alone: it writes a mark, waits, and must find it. Expected: the mark never changes; each copy ends with 0 or the
// error of what the entry said (ENOENT, EPERM, EACCES, EBUSY); in the end no bit and no reference is left.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr unsigned rounds = 300;
constexpr uint32_t raced = 4;
constexpr uint32_t disturbed = 5;

constinit volatile ringfold_grant_entry *entries = nullptr;
constinit std::atomic<uint64_t> stop{0};

// Any control word at any moment: harms nobody but this domain.
void disturb(uint64_t frame) {
    uint32_t word = 0;
    while (stop.load() == 0) {
        entries[disturbed].frame = frame + word % 3;
        entries[disturbed].control = grant_control(peer_domain) ^ (word++ % 16) << (word % 12);
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

// The peer copies its buffer's word into the frame by both references: two statuses.
void let_peer_copy(MachineFrame source, int32_t (&statuses)[2]) {
    auto *segments = reinterpret_cast<ringfold_grant_copy_element *>(peer::buffer());
    segments[0] = {own_end(source), granted_end(test_domain, raced), 8, 1};
    segments[1] = {own_end(source), granted_end(test_domain, disturbed, 8), 8, 1};
    check_result(peer::hypercall(RINGFOLD_HYPERCALL_GRANT_COPY, 0, 2), 0, 2, "grant_copy by the peer");
    statuses[0] = segments[0].status;
    statuses[1] = segments[1].status;
}

bool is_possible(int32_t status) {
    return status == 0 || status == -RINGFOLD_ENOENT || status == -RINGFOLD_EPERM || status == -RINGFOLD_EACCES ||
           status == -RINGFOLD_EBUSY || status == -RINGFOLD_EFAULT;
}

}  // namespace

void guest_main() {
    peer::connect();
    entries = add_grant_page(0);
    const PhysicalFrame first = allocate_frames(4);
    const MachineFrame frame = machine_frame(first);
    const uint64_t linear = linear_address(first);
    const peer::Frame theirs = peer::allocate();
    start_vcpu(1, disturb, machine_frame(PhysicalFrame{first.number + 1}).number);
    uint64_t copies = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        check(peer::store(theirs.linear, round), "the peer writes");
        grant(entries[raced], peer_domain, frame);
        int32_t statuses[2];
        let_peer_copy(theirs.machine, statuses);
        check_element(statuses[0], 0, "a copy that is granted");
        check(is_possible(statuses[1]), "status %d of a copy by a disturbed entry", statuses[1]);
        copies += statuses[1] == 0 ? 1 : 0;
        check_equal(load<uint64_t>(linear), round, "what was copied");
        while (!revoke(entries[raced])) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        store<uint64_t>(linear, ~0ULL);
        let_peer_copy(theirs.machine, statuses);
        check_element(statuses[0], -RINGFOLD_ENOENT, "a copy that was revoked");
        check_equal(load<uint64_t>(linear), ~0ULL, "the mark");
    }
    stop.store(1);
    join_vcpu(1);
    print("%lu copies by the disturbed entry\n", copies);
    check_equal(grant_info().entries_used, 0, "entries in use");
    for (uint64_t i = 0; i < 4; ++i) {
        const PhysicalFrame each{first.number + i};
        map_page(linear_address(each), 0);
        *call_buffer<uint64_t>() = machine_frame(each).number;
        check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "no reference is left");
    }
    peer::end();
}
