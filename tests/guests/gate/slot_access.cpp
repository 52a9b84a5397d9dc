// SPDX-License-Identifier: Apache-2.0
// guest: timeout=60 hosts=qemu,bochs
//
// What of L4 slot 256 a guest can touch. Scanned from ring 1: every page of the gate region, then the whole slot in
// steps of 2 MiB. Writable may be only the gate's scratch and the vCPU page; executable only the gate's text; outside
// the gate region only the machine-to-physical table may be mapped, read-only. Ring 3 may touch nothing at all. The
// layout is docs/architecture.md's; a guest has no other way to know it.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t slot_base = 0xffff'8000'0000'0000;
constexpr uint64_t slot_size = 1ULL << 39;
constexpr uint64_t gate_size = big_page_size;
constexpr uint64_t text_size = 4 * page_size;
constexpr uint64_t scratch_begin = slot_base + 0x40000;
constexpr uint64_t scratch_end = slot_base + 0x46000;
constexpr uint64_t machine_to_physical_size = 512ULL << 20;

USER_PROGRAM void user_load() { asm volatile("movq (%rdi), %rax\n\tud2"); }
USER_PROGRAM void user_store() { asm volatile("lock orq $0, (%rdi)\n\tud2"); }
USER_PROGRAM void user_jump() { asm volatile("jmpq *%rdi"); }

bool can_read(uint64_t address) {
    return !catch_entry([=] { load<uint64_t>(address); }).happened;
}
// Writes back what is there, so that a mistake of the hypervisor is found before it is fatal.
bool can_write(uint64_t address) {
    return !catch_entry([=] { asm volatile("lock orq $0, (%0)" ::"r"(address) : "memory", "cc"); }).happened;
}
bool can_execute(uint64_t address) {
    const Entry entry = catch_entry([=] { asm volatile("jmpq *%0" ::"r"(address)); });
    return !(entry.frame.vector == page_fault && (entry.frame.error & fault_fetch) != 0 && entry.frame.rip == address);
}

bool is_in(uint64_t address, uint64_t begin, uint64_t end) { return address >= begin && address < end; }

void check_gate_page(uint64_t page) {
    const bool may_write = is_in(page, scratch_begin, scratch_end) || page == RINGFOLD_VCPU_PAGE_ADDRESS;
    check(can_write(page) == may_write, "page %lx: writable %d, should be %d", page, !may_write, may_write);
    if (!is_in(page, slot_base, slot_base + text_size)) {
        check(!can_execute(page), "page %lx is executable", page);
    }
    for (void (*program)() : {user_load, user_store, user_jump}) {
        const Entry entry = run_user(program, page);
        check(entry.frame.vector == page_fault && entry.cr2 == page && (entry.frame.error & fault_user) != 0,
              "page %lx from ring 3: entry 0x%lx error 0x%lx", page, entry.frame.vector, entry.frame.error);
    }
}

void check_beyond(uint64_t address) {
    const bool in_table = is_in(address, RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS,
                                RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS + machine_to_physical_size);
    check(!can_write(address), "%lx is writable", address);
    check(in_table || !can_read(address), "%lx is readable", address);
}

}  // namespace

void guest_main() {
    set_up_user();
    for (uint64_t page = slot_base; page < slot_base + gate_size; page += page_size) {
        check_gate_page(page);
    }
    for (uint64_t address = slot_base + gate_size; address < slot_base + slot_size; address += big_page_size) {
        check_beyond(address);
    }
    check(can_read(RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS), "the machine-to-physical table is readable");
    check_equal(physical_frame(machine_frame({5})).number, 5, "it and the start-info's table agree");
}
