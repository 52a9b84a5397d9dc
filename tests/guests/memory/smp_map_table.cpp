// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// Two vCPUs race for one frame: one maps it writable while the other makes it a page table, at the same moment, again
// and again. Expected each round: at most one of the two wins, losers get EBUSY, and never are both in force. Each vCPU
// checks what it got: the mapping by writing, the table by writing through the other's translation afterwards.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr unsigned rounds = 400;

constinit Barrier barrier{2};
constinit MachineFrame contested{0};
constinit uint64_t mapping_slot = 0;
constinit std::atomic<bool> mapped{false};
constinit std::atomic<bool> pinned{false};

// Who comes first: in one round of four the other side waits for `handicap`, in the others a few instructions decide.
constexpr uint64_t handicap = 2 * millisecond;  // longer than a barrier and a validation take, in any emulator
void wait(bool is_handicapped, unsigned instructions) {
    const uint64_t end = is_handicapped ? system_time() + handicap : 0;
    while (is_handicapped && system_time() < end) {
        relax();
    }
    for (unsigned i = 0; i < instructions; ++i) {
        relax();
    }
}

void map_it(unsigned round) {
    wait(round % 4 == 1, round % 7);
    const Result result = set_entry(mapping_slot, entry_for(contested, user_data));
    mapped.store(result.ok());
    check(result.ok() || result.status == -RINGFOLD_EBUSY, "mapping: status %ld", result.status);
    if (result.ok()) {
        invalidate_page(window);
        const Entry entry = catch_entry([] { store<uint64_t>(window, 0); });
        check(!entry.happened, "the mapping that was granted faults");
    }
}

void pin_it(unsigned round) {
    wait(round % 4 == 3, round / 7 % 7);
    const Result result = pin(contested, 1);
    pinned.store(result.ok());
    check(result.ok() || result.status == -RINGFOLD_EBUSY, "pinning: status %ld", result.status);
}

void second(uint64_t) {
    for (unsigned round = 0; round < rounds; ++round) {
        barrier.wait();
        pin_it(round);
        barrier.wait();
        // Through whatever translation this CPU may have: if the frame is a table, no store may go through.
        if (pinned.load()) {
            check_equal(catch_entry([] { store<uint64_t>(window, 1); }).frame.vector, page_fault,
                        "writing a page table");
            check_equal(table_entries_of(contested)[0], 0, "the table");
            check_result(unpin(contested), 0, 1, "unpinning");
        } else {
            store<uint64_t>(window, 0);  // cache the translation on this CPU, too
        }
        barrier.wait();
    }
}

}  // namespace

void guest_main() {
    contested = make_table();
    map_page(window, 0);
    mapping_slot = find_slot(window).machine_address;
    start_vcpu(1, second);
    unsigned maps = 0;
    unsigned pins = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        barrier.wait();
        map_it(round);
        barrier.wait();
        check(!(mapped.load() && pinned.load()), "round %u: mapped writable and a page table", round);
        check(mapped.load() || pinned.load(), "round %u: neither was granted", round);
        maps += mapped.load() ? 1 : 0;
        pins += pinned.load() ? 1 : 0;
        barrier.wait();
        if (mapped.load()) {
            check_result(set_entry(mapping_slot, 0), 0, 1, "unmapping");  // no flush: the next round's pin needs it
        }
    }
    join_vcpu(1);
    print("%u times mapped, %u times a table\n", maps, pins);
    check(maps > 0 && pins > 0, "one side always won: %u and %u", maps, pins);
}
