// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=30
//
// What changes of page tables cost, in instructions for each entry (see path_length for how): the flags of a whole
// table in one operation, both ways; a table of leaves validated when it is hung in, and undone when it is taken out;
// entries set and cleared one operation each. The limits hold for release builds: these loops are
// what fork, exit and mprotect of a guest consist of.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t entries = 512;
constexpr uint64_t most_at_once = call_buffer_size / sizeof(ringfold_page_table_operation);
constexpr uint64_t table_address = 0x0000'0000'4000'0000;  // entry 0 of an L1 table
constexpr uint64_t writable = RINGFOLD_ENTRY_WRITABLE;

template <typename Run>
void measure(const char *name, uint64_t limit, Run run) {
    uint64_t best = ~uint64_t{0};
    for (unsigned repetition = 0; repetition < 5; ++repetition) {
        best = std::min(best, run());
    }
    print("path: %s=%lu\n", name, best / entries);
    check(best / entries <= limit || is_debug_hypervisor(), "%s: %lu instructions an entry", name, best / entries);
}

template <typename Operation>
uint64_t length_of(Operation operation) {
    const uint64_t begin = read_tsc();
    const Result result = operation();
    const uint64_t length = read_tsc() - begin;
    check_equal(static_cast<uint64_t>(result.status), 0, "a measured operation");
    return length;
}

// An operation for each entry of the table.
uint64_t length_of_sets(uint64_t first_address, uint64_t value) {
    auto *const operations = call_buffer<ringfold_page_table_operation>();
    uint64_t length = 0;
    for (uint64_t done = 0; done < entries; done += most_at_once) {
        for (uint64_t index = 0; index < most_at_once; ++index) {
            operations[index] = {.operation = RINGFOLD_PAGE_TABLE_SET,
                                 .count = 0,
                                 .address = first_address + 8 * (done + index),
                                 .value = value,
                                 .mask = 0};
        }
        length += length_of([] { return apply_batch(most_at_once); });
    }
    return length;
}

}  // namespace

void guest_main() {
    const MachineFrame target = machine_frame(allocate_frame());
    map_page(table_address, entry_for(target, user_data));
    const uint64_t first = find_slot(table_address).machine_address;
    const uint64_t upper = find_slot(table_address, 2).machine_address;
    const uint64_t upper_entry = find_slot(table_address, 2).value;
    const uint64_t leaf = entry_for(target, user_data);

    uint64_t clearing = ~uint64_t{0};
    measure("set_leaf", 420, [&] {
        const uint64_t setting = length_of_sets(first, leaf);
        clearing = std::min(clearing, length_of_sets(first, 0));
        return setting;
    });
    measure("clear_leaf", 420, [&] { return clearing; });
    static_cast<void>(length_of_sets(first, leaf));

    uint64_t back = ~uint64_t{0};
    measure("flags_read_only", 120, [&] {
        const uint64_t there = length_of([&] { return change_flags(first, entries, 0, writable); });
        back = std::min(back, length_of([&] { return change_flags(first, entries, writable, writable); }));
        return there;
    });
    measure("flags_writable", 120, [&] { return back; });

    uint64_t hanging = ~uint64_t{0};
    measure("undo_leaf", 70, [&] {
        const uint64_t undoing = length_of([&] { return set_entry(upper, 0); });
        hanging = std::min(hanging, length_of([&] { return set_entry(upper, upper_entry); }));
        return undoing;
    });
    measure("validate_leaf", 75, [&] { return hanging; });
}
