// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// The kernel stack disappears while the gate pushes a frame on it. vCPU 1 makes system calls in a loop on a stack page
// that vCPU 0 keeps unmapping and mapping again, with a flush, at random moments. Expected: every event arrives, either
// as the system call on that stack, or as a double fault on the emergency stack with the system call's frame; nothing
// else, and no crash. Both kinds must have been met, however long the machine beneath stops one of the two processors.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t stack_page = 0xffff'c000'0000'0000;
constexpr uint64_t calls = 4000;
constexpr uint64_t patience = 10'000 * millisecond;

constinit std::atomic<uint64_t> made{0};
constinit std::atomic<bool> done{false};
constinit std::atomic<uint64_t> arrived{0};
constinit std::atomic<uint64_t> faulted{0};

USER_PROGRAM void call() { asm volatile("syscall"); }

// As soon as a system call arrived, its stack may vanish again: carry on with a made-up frame on the emergency stack.
extern "C" [[gnu::naked]] void count_system_call() {
    asm volatile(R"(
	movabsq %0, %%rsp
	movq %c1(%%rsp), %%rsp
	pushq $%c2
	pushq $0
	pushq $2
	pushq $%c3
	pushq $0
	pushq $0
	pushq %4
	jmp entry_common
)" ::"i"(RINGFOLD_VCPU_PAGE_ADDRESS),
                 "i"(offsetof(ringfold_vcpu_page, emergency_stack)), "i"(RINGFOLD_KERNEL_DS), "i"(RINGFOLD_KERNEL_CS),
                 "i"(entry_system_call));
}

bool met_both_kinds() {
    return arrived.load(std::memory_order_relaxed) > 0 && faulted.load(std::memory_order_relaxed) > 0;
}

void second(uint64_t) {
    ringfold_vcpu_entries entries = default_entries();
    entries.syscall = reinterpret_cast<uint64_t>(count_system_call);
    check_status(register_entries(entries), 0, "registering");
    const uint64_t good_stack = vcpu_page().kernel_stack;
    vcpu_page().kernel_stack = stack_page + page_size;
    const uint64_t deadline = system_time() + patience;
    while (made < calls || (!met_both_kinds() && system_time() < deadline)) {
        made.fetch_add(1, std::memory_order_relaxed);
        const Entry entry = run_user(call);
        if (entry.frame.vector == entry_system_call) {
            arrived.fetch_add(1, std::memory_order_relaxed);
        } else {
            faulted.fetch_add(1, std::memory_order_relaxed);
            check(entry.frame.vector == double_fault && entry.frame.error == 0 &&
                      entry.frame.rip == user_address(call) + 2 && entry.frame.cs == RINGFOLD_USER_CS &&
                      entry.frame.rsp == user_stack_top,
                  "entry 0x%lx error 0x%lx at %lx:%lx", entry.frame.vector, entry.frame.error, entry.frame.cs,
                  entry.frame.rip);
        }
    }
    vcpu_page().kernel_stack = good_stack;
    done.store(true, std::memory_order_release);
}

}  // namespace

void guest_main() {
    set_up_user();
    const MachineFrame frame = machine_frame(allocate_frame());
    map_page(stack_page, entry_for(frame, kernel_data));
    const uint64_t slot = find_slot(stack_page).machine_address;
    Random random{choose_seed()};
    start_vcpu(1, second);
    bool is_mapped = true;
    while (!done.load(std::memory_order_acquire)) {
        is_mapped = !is_mapped;
        ringfold_page_table_operation *batch = call_buffer<ringfold_page_table_operation>();
        batch[0] = {RINGFOLD_PAGE_TABLE_SET, 0, slot, is_mapped ? entry_for(frame, kernel_data) : 0, 0};
        batch[1] = {RINGFOLD_PAGE_TABLE_FLUSH, RINGFOLD_FLUSH_ALL, stack_page, 1, 0};
        check_result(apply_batch(2), 0, 2, "changing the stack's mapping");
        for (uint64_t i = random.below(2000); i > 0; --i) {
            relax();
        }
    }
    join_vcpu(1);
    print("%lu system calls, %lu double faults\n", arrived.load(), faulted.load());
    check_equal(arrived + faulted, made, "entries");
    check(met_both_kinds(), "only one kind was met: %lu and %lu", arrived.load(), faulted.load());
}
