// SPDX-License-Identifier: Apache-2.0
// guest: beside=peer smp=2 memory=8M timeout=60
//
// A borrowed frame, even under a writable right, is a leaf and nothing else. It is refused as a page table of every
// level, linked (EACCES) or pinned or loaded (EFAULT), as call buffer, vCPU page, grant table, in memory_release and
// memory_exchange, as source of a transfer, and as this domain's own end of a copy (EFAULT). With a caching attribute
// or the global bit it is refused, too (EACCES). Expected: no entry changes, and the frame only ever has its mapping's
// count.
#include "framework/guest.hpp"
#include "framework/peer.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;

void as_a_table(MachineFrame frame) {
    for (const unsigned level : {2U, 3U, 4U}) {
        const uint64_t linear = window + (1ULL << (12 + 9 * (level - 1)));
        const Slot slot = find_slot(linear, level);
        check(slot.machine_address != 0 && slot.value == 0, "no free entry of level %u", level);
        check_status(set_entry(slot.machine_address, entry_for(frame, table_flags)), -RINGFOLD_EACCES, "linked");
        check_equal(find_slot(linear, level).value, 0, "the entry");
    }
    for (uint32_t level = 1; level <= 4; ++level) {
        check_status(pin(frame, level), -RINGFOLD_EFAULT, "pinned");
    }
    check_status(load_root(frame), -RINGFOLD_EFAULT, "loaded");
    check_status(set_entry(entry_address(frame, 0), 0), -RINGFOLD_EFAULT, "an entry in it");
}

void as_other_things(MachineFrame frame) {
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 7, frame.number), -RINGFOLD_EFAULT,
                 "call buffer");
    check_status(set_grant_page(0, frame.number), -RINGFOLD_EFAULT, "grant table");
    *call_buffer<uint64_t>() = frame.number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), -RINGFOLD_EFAULT, "released");
    *call_buffer<uint64_t>() = frame.number;
    check_status(exchange(0, 8, 1, 0, 64), -RINGFOLD_EFAULT, "exchanged");
    peer::accept(6, 0);
    check_element(transfer_grant(peer_domain, 6, frame), -RINGFOLD_EFAULT, "transferred");
    check_element(copy_grant({own_end(frame), own_end(frame), 8, 1}), -RINGFOLD_EFAULT, "an own end of a copy");
    auto *context = call_buffer<ringfold_vcpu_context>();
    fill_vcpu_context(
        *context, 1, [](uint64_t) {}, 0);
    context->vcpu_page = frame.number;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0), -RINGFOLD_ENOENT, "no second vCPU");
}

void with_flags(MachineFrame frame) {
    map_page(window, 0);
    for (const uint64_t flag : Words{RINGFOLD_ENTRY_CACHE_DISABLE, RINGFOLD_ENTRY_WRITE_THROUGH, RINGFOLD_ENTRY_BIG,
                                     RINGFOLD_ENTRY_GLOBAL, 1ULL << 59}) {
        check_status(set_entry(find_slot(window).machine_address, entry_for(frame, kernel_data) | flag),
                     -RINGFOLD_EACCES, "with a flag");
    }
    check_equal(find_slot(window).value, 0, "the entry");
}

}  // namespace

void guest_main() {
    peer::connect();
    peer::make_room();
    const peer::Frame theirs = peer::allocate();
    peer::grant(1, theirs.machine);
    const ringfold_grant_map_element mapped = map_grant(peer_domain, 1);
    map_page(window, entry_for(theirs.machine, kernel_data));
    as_a_table(theirs.machine);
    as_other_things(theirs.machine);
    with_flags(theirs.machine);
    check_element(unmap_grant(mapped.handle), 0, "given up");
    peer::end();
}
