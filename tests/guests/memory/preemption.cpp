// SPDX-License-Identifier: Apache-2.0
// guest: memory=32M icount=1 timeout=60 hosts=qemu
//
// Long validations are preemptible: a root with a hundred thousand entries is pinned, unpinned, and refused for its
// very last entry, while a timer ticks. Expected: the batch comes back with -EAGAIN in between, its progress never
// running ahead; issuing the rest ends it; no upcall is late by more than a few milliseconds; after the refusal nothing
// holds the tables, so that they are ordinary memory again.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t l1_tables = 256;
constexpr uint64_t bound = 2 * millisecond;  // of one call; under -icount an instruction takes 1 ns

struct Progress {
    Result result;
    uint64_t calls;
    uint64_t longest;
};

Progress issue(ringfold_page_table_operation operation) {
    *call_buffer<ringfold_page_table_operation>() = operation;
    Progress progress{};
    do {
        const uint64_t begin = system_time();
        progress.result = hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, 0, 1);
        const uint64_t took = system_time() - begin;
        progress.longest = took > progress.longest ? took : progress.longest;
        ++progress.calls;
        check(progress.result.status != -RINGFOLD_EAGAIN || progress.result.value == 0, "progress %lu with EAGAIN",
              progress.result.value);
    } while (progress.result.status == -RINGFOLD_EAGAIN);
    return progress;
}

void check_progress(const Progress &progress, int64_t status, const char *what) {
    check_result(progress.result, status, status == 0 ? 1 : 0, what);
    check(progress.longest < bound, "%s: one call took %lu ns", what, progress.longest);
    print("%s: %lu calls, the longest %lu us\n", what, progress.calls, progress.longest / microsecond);
}

constinit uint64_t words[table_entries] = {};

MachineFrame make_tree(MachineFrame page, uint64_t last_entry) {
    MachineFrame tables[l1_tables];
    for (uint64_t table = 0; table < l1_tables; ++table) {
        for (uint64_t &word : words) {
            word = entry_for(page, user_read_only);
        }
        if (table == l1_tables - 1) {
            words[table_entries - 1] = last_entry;
        }
        tables[table] = make_table(words);
    }
    for (uint64_t i = 0; i < table_entries; ++i) {
        words[i] = i < l1_tables ? entry_for(tables[i], table_flags) : 0;
    }
    MachineFrame table = make_table(words);
    for (uint64_t &word : words) {
        word = 0;
    }
    for (unsigned level = 3; level <= 4; ++level) {
        words[0] = entry_for(table, table_flags);
        table = make_table(words);
    }
    return table;
}

}  // namespace

void guest_main() {
    const MachineFrame page = machine_frame(allocate_frame());
    const MachineFrame good = make_tree(page, entry_for(page, user_read_only));
    const Progress pinned = issue({RINGFOLD_PAGE_TABLE_PIN, 4, good.number, 0, 0});
    check_progress(pinned, 0, "pin");
    check(pinned.calls > 1, "131072 entries were validated in one call");
    const Progress unpinned = issue({RINGFOLD_PAGE_TABLE_UNPIN, 0, good.number, 0, 0});
    check_progress(unpinned, 0, "unpin");
    map_initially(good, kernel_data);
    map_initially(frame_in(load<uint64_t>(linear_address(good))), kernel_data);

    const MachineFrame bad = make_tree(page, entry_for(page, user_read_only) | RINGFOLD_ENTRY_GLOBAL);
    check_progress(issue({RINGFOLD_PAGE_TABLE_PIN, 4, bad.number, 0, 0}), -RINGFOLD_EACCES,
                   "pin with a bad last entry");
    MachineFrame table = bad;
    for (unsigned level = 4; level >= 1; --level) {
        map_initially(table, kernel_data);
        table = frame_in(load<uint64_t>(linear_address(table)));
    }
}
