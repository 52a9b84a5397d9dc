// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Page faults of rings 1 and 3 arrive at the registered entry with hardware's error code and the fault address in the
// vCPU page (CR2 itself is ring 0's). Expected for each access: vector 14, exact error code, exact CR2, the RIP of the
// instruction. Ring 1 is stopped by read-only pages (CR0.WP), by NX and by SMEP; ring 3 by the U/S bit.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t nowhere = 0x0000'0000'1234'5678;
constexpr uint64_t read_only_page = 0x0000'0000'0100'0000;
constexpr uint64_t no_execute_page = 0x0000'0000'0100'1000;

// One instruction each, usable from both rings: the fault is at the function's first byte.
USER_PROGRAM void load_word() { asm volatile("movq (%rdi), %rax\n\tretq"); }
USER_PROGRAM void store_word() { asm volatile("movq %rax, (%rdi)\n\tretq"); }
USER_PROGRAM void jump() { asm volatile("jmpq *%rdi"); }

using Access = void();

void check_fault(const Entry &entry, uint64_t error, uint64_t address, uint64_t rip, const char *what) {
    check(entry.happened && entry.frame.vector == page_fault, "%s: vector %lu", what, entry.frame.vector);
    check(entry.frame.error == error, "%s: error code 0x%lx, should be 0x%lx", what, entry.frame.error, error);
    check(entry.cr2 == address, "%s: CR2 0x%lx, should be 0x%lx", what, entry.cr2, address);
    check(entry.frame.rip == rip, "%s: RIP 0x%lx, should be 0x%lx", what, entry.frame.rip, rip);
}

void from_kernel(Access *access, uint64_t address, uint64_t error, const char *what) {
    const Entry entry = catch_entry([=] { reinterpret_cast<void (*)(uint64_t)>(access)(address); });
    check_fault(entry, error, address, access == jump ? address : reinterpret_cast<uint64_t>(access), what);
    check_equal(entry.frame.cs, RINGFOLD_KERNEL_CS, what);
}

void from_user(Access *access, uint64_t address, uint64_t error, const char *what) {
    const Entry entry = run_user(access, address);
    check_fault(entry, error | fault_user, address, access == jump ? address : user_address(access), what);
    check_equal(entry.frame.cs, RINGFOLD_USER_CS, what);
}

}  // namespace

void guest_main() {
    set_up_user();
    map_page(read_only_page, entry_for(machine_frame(allocate_frame()), user_read_only));
    map_page(no_execute_page, entry_for(machine_frame(allocate_frame()), user_data));
    const uint64_t kernel_text = reinterpret_cast<uint64_t>(hypercall_return);
    const uint64_t kernel_word = reinterpret_cast<uint64_t>(call_buffer_bytes());

    from_kernel(load_word, nowhere, 0, "ring 1 reads nothing");
    from_kernel(store_word, nowhere, fault_write, "ring 1 writes nothing");
    from_kernel(jump, nowhere, fault_fetch, "ring 1 jumps to nothing");
    from_kernel(store_word, read_only_page, fault_write | fault_present, "ring 1 writes a read-only page");
    from_kernel(store_word, kernel_text, fault_write | fault_present, "ring 1 writes its text");
    from_kernel(jump, kernel_word, fault_fetch | fault_present, "ring 1 executes its data");
    from_kernel(jump, user_address(load_word), fault_fetch | fault_present, "ring 1 executes user text (SMEP)");

    from_user(load_word, nowhere, 0, "ring 3 reads nothing");
    from_user(store_word, nowhere, fault_write, "ring 3 writes nothing");
    from_user(store_word, read_only_page, fault_write | fault_present, "ring 3 writes a read-only page");
    from_user(jump, no_execute_page, fault_fetch | fault_present, "ring 3 executes its data");
    from_user(load_word, kernel_word, fault_present, "ring 3 reads the kernel");
    from_user(store_word, kernel_word, fault_write | fault_present, "ring 3 writes the kernel");
    from_user(jump, kernel_text, fault_fetch | fault_present, "ring 3 executes the kernel");
    from_user(load_word, RINGFOLD_VCPU_PAGE_ADDRESS, fault_present, "ring 3 reads the vCPU page");
    from_user(load_word, RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS, fault_present,
              "ring 3 reads the machine-to-physical table");
}
