// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=120 hosts=qemu
//
// Two vCPUs throw random operations of every kind at a small pool of shared frames: SET of every flag and level, runs,
// pins, unpins, root loads, flushes, call-buffer registrations, releases, in batches. What each answers is open;
// expected is that only documented errors come back, the guest's own kernel keeps running, and the audit at the end
// agrees. Repeat a run with its seed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t pool_size = 24;
constexpr unsigned batches = 800;
constexpr uint64_t longest_batch = 12;
constexpr uint64_t first_tables = 12;  // of the pool: pinned at the start, three of each level

constinit MachineFrame pool[pool_size] = {};
constinit Barrier barrier{2};
constinit uint64_t seed = 0;
constinit std::atomic<uint64_t> accepted{0};  // relaxed: a count

constexpr int64_t documented[] = {
    0, -RINGFOLD_EFAULT, -RINGFOLD_EINVAL, -RINGFOLD_EACCES, -RINGFOLD_EBUSY, -RINGFOLD_ENOENT, -RINGFOLD_EEXIST};

uint64_t random_entry(Random &random) {
    const MachineFrame frame = pool[random.below(pool_size)];
    constexpr uint64_t usual[] = {kernel_read_only, user_read_only, kernel_data, table_flags, 0};
    uint64_t entry = entry_for(frame, usual[random.below(sizeof usual / sizeof usual[0])]);
    if (random.below(16) == 0) {
        entry ^= 1ULL << random.below(64);
    }
    return random.below(6) == 0 ? 0 : entry;
}

ringfold_page_table_operation random_operation(Random &random) {
    const MachineFrame frame = pool[random.below(pool_size)];
    // Mostly in those that begin as tables.
    const MachineFrame table = random.below(8) == 0 ? frame : pool[random.below(first_tables)];
    const uint64_t address = entry_address(table, random.below(8));
    switch (random.below(12)) {
        case 0:
        case 1:
        case 2:
        case 3:
            return {RINGFOLD_PAGE_TABLE_SET, 0, address, random_entry(random), 0};
        case 4:
            return {RINGFOLD_PAGE_TABLE_SET_KEEP_ACCESSED_DIRTY, 0, address, random_entry(random), 0};
        case 5: {
            const auto count = static_cast<uint32_t>(1 + random.below(12));
            return {RINGFOLD_PAGE_TABLE_FLAGS_RUN, count, address, random.next(),
                    RINGFOLD_ENTRY_WRITABLE | RINGFOLD_ENTRY_USER};
        }
        case 6:
        case 7:
        case 8:
            return {RINGFOLD_PAGE_TABLE_PIN, static_cast<uint32_t>(1 + random.below(4)), frame.number, 0, 0};
        case 9:
        case 10:
            return {RINGFOLD_PAGE_TABLE_UNPIN, 0, frame.number, 0, 0};
        default:
            return {RINGFOLD_PAGE_TABLE_FLUSH, static_cast<uint32_t>(random.below(3)), random.next(), random.below(4),
                    3};
    }
}

void check_documented(Result result) {
    for (const int64_t status : documented) {
        if (result.status == status) {
            return;
        }
    }
    failure("undocumented status %ld", result.status);
}

// Every operation of the batch gets its turn: what is refused is passed over.
void apply_all(uint64_t count) {
    for (uint64_t done = 0; done < count;) {
        const uint64_t offset = done * sizeof(ringfold_page_table_operation);
        const Result result = hypercall(RINGFOLD_HYPERCALL_PAGE_TABLE_BATCH, offset, count - done);
        check(result.value <= count - done, "progress %lu of %lu", result.value, count - done);
        accepted.fetch_add(result.value, std::memory_order_relaxed);
        done += result.value;
        if (result.status != -RINGFOLD_EAGAIN) {
            check_documented(result);
            ++done;
        }
    }
}

void run(uint64_t stream) {
    Random random{seed + stream};
    barrier.wait();
    for (unsigned i = 0; i < batches; ++i) {
        const uint64_t count = 1 + random.below(longest_batch);
        ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
        for (uint64_t j = 0; j < count; ++j) {
            batch[j] = random_operation(random);
        }
        apply_all(count);
        if (random.below(8) == 0) {
            const uint64_t frame = random.below(3) == 0 ? RINGFOLD_NO_FRAME : pool[random.below(pool_size)].number;
            check_documented(hypercall_to_its_end(RINGFOLD_HYPERCALL_CALL_BUFFER_SET, 4 + random.below(2), frame));
        }
    }
    barrier.wait();
}

}  // namespace

void guest_main() {
    for (MachineFrame &frame : pool) {
        frame = make_table();
    }
    for (uint64_t i = 0; i < first_tables; ++i) {
        check_result(pin(pool[i], static_cast<uint32_t>(1 + i % 4)), 0, 1, "pinning the first tables");
    }
    seed = choose_seed();
    start_vcpu(1, run, 1);
    run(2);
    join_vcpu(1);
    print("%lu operations accepted\n", accepted.load());
    check(accepted.load() > batches, "hardly an operation was accepted: %lu", accepted.load());
}
