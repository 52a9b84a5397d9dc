// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// A stale translation on another CPU. vCPU 1 writes a page in a loop, in ring 1, with no CR3 write and no hypercall;
// vCPU 0 unmaps the page without any flush and makes the frame a page table, or releases it. Expected: when the call
// that makes it a table returns, vCPU 1's stores go nowhere any more: the table's content stays, and vCPU 1 faults at
// once.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t window = 0x0000'0000'4000'0000;
constexpr unsigned rounds = 60;

constinit Barrier barrier{2};
constinit std::atomic<uint64_t> stores{0};  // relaxed: shows that vCPU 1 is writing

void second(uint64_t) {
    for (unsigned round = 0; round < rounds; ++round) {
        barrier.wait();
        const Entry entry = catch_entry([] {
            for (;;) {
                store<uint64_t>(window, 0);
                stores.fetch_add(1, std::memory_order_relaxed);
            }
        });
        check_equal(entry.frame.vector, page_fault, "the writer's end");
        check_equal(entry.cr2, window, "where it faulted");
        barrier.wait();
    }
}

void wait_for_stores() {
    const uint64_t before = stores.load(std::memory_order_relaxed);
    const uint64_t deadline = system_time() + 5000 * millisecond;
    while (stores.load(std::memory_order_relaxed) < before + 100) {
        relax();
        if (system_time() > deadline) {
            error("the other vCPU does not write");
        }
    }
}

void round(unsigned number) {
    const PhysicalFrame frame = allocate_frame();
    const MachineFrame machine = machine_frame(frame);
    map_initially(frame, kernel_read_only);
    map_page(window, entry_for(machine, user_data));
    barrier.wait();
    wait_for_stores();
    const uint64_t slot = find_slot(window).machine_address;
    ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
    batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, slot, 0, 0};
    if (number % 2 == 0) {
        batch[1] = {RINGFOLD_PAGE_TABLE_PIN, 1 + number / 2 % 4, machine.number, 0, 0};
        check_result(apply_batch(2), 0, 2, "unmapping and pinning");
        const uint64_t stopped = stores.load(std::memory_order_relaxed);
        barrier.wait();
        check(stores.load(std::memory_order_relaxed) <= stopped + 1, "stores went on after the frame was a table");
        check_equal(table_entries_of(machine)[0], 0, "the table");
        check_result(unpin(machine), 0, 1, "unpinning");
    } else {
        batch[1] = {RINGFOLD_PAGE_TABLE_SET, 0, find_slot(linear_address(frame)).machine_address, 0, 0};
        check_result(apply_batch(2), 0, 2, "unmapping it everywhere");
        *call_buffer<uint64_t>() = machine.number;
        check_result(hypercall_to_its_end(RINGFOLD_HYPERCALL_MEMORY_RELEASE, 0, 1), 0, 1, "releasing it");
        const uint64_t stopped = stores.load(std::memory_order_relaxed);
        barrier.wait();
        check(stores.load(std::memory_order_relaxed) <= stopped + 1, "stores went on after the frame was released");
    }
}

}  // namespace

void guest_main() {
    map_page(window, 0);
    start_vcpu(1, second);
    for (unsigned number = 0; number < rounds; ++number) {
        round(number);
    }
    join_vcpu(1);
}
