// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// grant_copy moves bytes between the caller's own frames and granted ones, in every combination, many segments in one
// call, each with its own status: a refused one in the middle copies nothing and does not stop the others. Overlapping
// ranges behave like memmove. No use is left afterwards.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

uint8_t pattern(uint64_t index) { return static_cast<uint8_t>(index * 7 + 3); }

void overlap(uint64_t linear, MachineFrame frame) {
    auto *bytes = reinterpret_cast<volatile uint8_t *>(linear);
    for (uint64_t i = 0; i < page_size; ++i) {
        bytes[i] = pattern(i);
    }
    check_element(copy_grant({own_end(frame, 0), own_end(frame, 100), 3000, 1}), 0, "to a higher address");
    for (uint64_t i = 0; i < page_size; ++i) {
        const uint8_t expected = i >= 100 && i < 3100 ? pattern(i - 100) : pattern(i);
        check(bytes[i] == expected, "byte %lu is %u, not %u", i, bytes[i], expected);
    }
    check_element(copy_grant({own_end(frame, 100), own_end(frame, 0), 3000, 1}), 0, "to a lower address");
    for (uint64_t i = 0; i < 3000; ++i) {
        check(bytes[i] == pattern(i), "byte %lu is %u, not %u", i, bytes[i], pattern(i));
    }
}

void many(MachineFrame ours, uint64_t linear) {
    constexpr uint64_t segments = 100;
    auto *list = call_buffer<ringfold_grant_copy_element>();
    for (uint64_t i = 0; i < segments; ++i) {
        const auto offset = static_cast<uint16_t>(i * 8);
        list[i] = {granted_end(peer_domain, i % 10 == 3 ? 200 : 1, offset), own_end(ours, offset), 8, 1};
    }
    uint64_t done = 0;
    for (Result result{-RINGFOLD_EAGAIN, 0}; result.status == -RINGFOLD_EAGAIN; done += result.value) {
        result = hypercall(RINGFOLD_HYPERCALL_GRANT_COPY, done * sizeof(ringfold_grant_copy_element), segments - done);
        check(result.status == 0 || result.status == -RINGFOLD_EAGAIN, "status %ld", result.status);
    }
    check_equal(done, segments, "segments done");
    for (uint64_t i = 0; i < segments; ++i) {
        const bool refused = i % 10 == 3;
        check_element(list[i].status, refused ? -RINGFOLD_ENOENT : 0, "a segment");
        check_equal(load<uint64_t>(linear + i * 8), refused ? 0 : 0x1000 + i, "what it copied");
    }
}

}  // namespace

void guest_main() {
    peer::connect();
    const peer::Frame theirs = peer::allocate();
    const PhysicalFrame own = allocate_frame();
    const MachineFrame ours = machine_frame(own);
    const uint64_t linear = linear_address(own);
    for (uint64_t i = 0; i < 100; ++i) {
        check(peer::store(theirs.linear + i * 8, 0x1000 + i), "the peer writes");
    }
    peer::grant(1, theirs.machine);
    many(ours, linear);
    store<uint64_t>(linear + 4088, 0xabcdef);
    check_element(copy_grant({own_end(ours, 4088), granted_end(peer_domain, 1, 8), 8, 1}), 0, "to the peer");
    uint64_t seen = 0;
    check(peer::load(theirs.linear + 8, seen) && seen == 0xabcdef, "the peer sees 0x%lx", seen);
    check_element(copy_grant({granted_end(peer_domain, 1, 8), granted_end(peer_domain, 1, 2048), 8, 1}), 0,
                  "from the peer to the peer");
    check(peer::load(theirs.linear + 2048, seen) && seen == 0xabcdef, "the peer sees 0x%lx", seen);
    check_equal(peer::control(1), grant_control(test_domain), "the entry");
    overlap(linear_address(allocate_frame()) + 0, machine_frame(PhysicalFrame{own.number + 1}));
    peer::end();
}
