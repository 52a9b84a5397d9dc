// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// FLUSH reaches the vCPUs it names, and is done when the call returns. vCPU 1 reads a page in a loop; vCPU 0 makes the
// mapping name another frame and flushes: one page, a range, or everything; by vCPU set or all. Expected: after the
// call vCPU 1 never again reads the old frame. Refused: an unknown scope. A set that names vCPUs that do not exist is
// harmless.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr unsigned rounds = 20;

constinit std::atomic<uint64_t> seen{0};        // relaxed: what vCPU 1 read last
constinit std::atomic<uint64_t> generation{0};  // release/acquire: vCPU 1 answers with what it read after it saw this
constinit std::atomic<uint64_t> answer{0};
constinit std::atomic<bool> stop{false};

void second(uint64_t) {
    uint64_t answered = 0;
    while (!stop.load(std::memory_order_acquire)) {
        const uint64_t asked = generation.load(std::memory_order_acquire);
        seen.store(load<uint64_t>(window), std::memory_order_relaxed);
        if (asked != answered) {
            answered = asked;
            answer.store(asked, std::memory_order_release);
        }
    }
}

struct Way {
    const char *name;
    uint32_t scope;
    uint64_t linear, pages, vcpus;
};
constexpr Way ways[] = {
    {"one page of vCPU 1", RINGFOLD_FLUSH_VCPUS, window, 1, 2},
    {"a range of vCPUs 0 and 1", RINGFOLD_FLUSH_VCPUS, window - 4 * page_size, 16, 3},
    {"everything of vCPU 1", RINGFOLD_FLUSH_VCPUS, 0, 0, 2},
    {"one page of all", RINGFOLD_FLUSH_ALL, window, 1, 0},
    {"everything of all", RINGFOLD_FLUSH_ALL, 0, 0, 0},
    {"a large range of all", RINGFOLD_FLUSH_ALL, 0, 1 << 20, 0},
    {"vCPUs that do not exist, too", RINGFOLD_FLUSH_VCPUS, window, 1, ~uint64_t{0}},
};

}  // namespace

void guest_main() {
    MachineFrame frames[2];
    for (uint64_t i = 0; i < 2; ++i) {
        const PhysicalFrame frame = allocate_frame();
        store<uint64_t>(linear_address(frame), i);
        frames[i] = machine_frame(frame);
    }
    map_page(window, entry_for(frames[0], user_read_only));
    start_vcpu(1, second);
    const uint64_t slot = find_slot(window).machine_address;
    uint64_t current = 0;
    uint64_t asked = 0;
    for (unsigned round = 0; round < rounds; ++round) {
        for (const Way &way : ways) {
            current = 1 - current;
            ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
            batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, slot, entry_for(frames[current], user_read_only), 0};
            batch[1] = {RINGFOLD_PAGE_TABLE_FLUSH, way.scope, way.linear, way.pages, way.vcpus};
            check_result(apply_batch(2), 0, 2, way.name);
            generation.store(++asked, std::memory_order_release);
            wait_for(answer, asked);
            check_equal(seen.load(std::memory_order_relaxed), current, way.name);
        }
    }
    stop.store(true, std::memory_order_release);
    join_vcpu(1);
    for (const uint32_t scope : {3U, 4U, ~0U}) {
        check_status(flush(scope), -RINGFOLD_EINVAL, "no such scope");
    }
}
