// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// The gate pushes frames on a stack pointer that the guest controls. Attacked: a kernel stack that is not canonical, in
// L4 slot 256 (at both ends of the frame's range), read-only, not mapped, or mapped only in part. Expected each time:
// the event becomes a double fault with error code 0 on the emergency stack, its frame that of the event; slot 256 and
// the read-only page are untouched; and with the good stack back the next entry works. Stacks that are merely odd
// (unaligned, at a page end in the lower half) work.
#include "framework/guest.hpp"

using namespace guest;

namespace {

USER_PROGRAM void call() { asm volatile("syscall"); }
USER_PROGRAM void fault() { asm volatile("ud2"); }

constexpr uint64_t test_page = 0x0000'0000'0100'0000;  // mapped writable; the page below and above are not
constexpr uint64_t read_only_page = 0x0000'0000'0110'0000;
constexpr uint64_t slot_base = 0xffff'8000'0000'0000;
constexpr uint64_t slot_end = 0xffff'8080'0000'0000;

struct Case {
    const char *name;
    uint64_t stack;
};
constexpr Case bad_stacks[] = {
    {"not canonical, lower side", 0x0000'8000'0000'1000},
    {"not canonical, upper side", 0xffff'7fff'ffff'f000},
    {"zero: the frame wraps below 0", 0},
    {"wraps below 0 after two words", 16},
    {"the gate's text", slot_base + 0x1000},
    {"the gate's constants", slot_base + 0x11000},
    {"the gate's stack", slot_base + 0x41000},
    {"the gate's stack, one frame down", slot_base + 0x41000 - 40},
    {"the vCPU page", RINGFOLD_VCPU_PAGE_ADDRESS + 0x1000},
    {"starts 8 bytes into slot 256", slot_base + 8},
    {"starts 40 bytes into slot 256", slot_base + 40},
    {"ends 8 bytes inside slot 256", slot_end + 32},
    {"ends at slot 256's end", slot_end},
    {"the machine-to-physical table", RINGFOLD_MACHINE_TO_PHYSICAL_ADDRESS + 0x1000},
    {"not mapped", 0x0000'0000'0200'0000},
    {"read-only", read_only_page + page_size},
    {"half a frame on the page below", test_page + 16},
};
constexpr Case odd_stacks[] = {
    {"page end", test_page + page_size},
    {"unaligned", test_page + page_size - 7},
};

void check_double_fault(void (*program)(), const Case &test, const char *event) {
    const uint64_t good_stack = vcpu_page().kernel_stack;
    vcpu_page().kernel_stack = test.stack;
    const Entry entry = run_user(program);
    vcpu_page().kernel_stack = good_stack;
    check(entry.frame.vector == double_fault && entry.frame.error == 0, "%s, %s: entry 0x%lx error 0x%lx", event,
          test.name, entry.frame.vector, entry.frame.error);
    const uint64_t rip = user_address(program) + (program == call ? 2 : 0);
    check(entry.frame.rip == rip && entry.frame.cs == RINGFOLD_USER_CS && entry.frame.rsp == user_stack_top &&
              entry.frame.ss == RINGFOLD_USER_DS,
          "%s, %s: frame %lx:%lx %lx:%lx", event, test.name, entry.frame.cs, entry.frame.rip, entry.frame.ss,
          entry.frame.rsp);
    check_equal(entry.frame_address + sizeof(Frame), vcpu_page().emergency_stack,
                "the frame is on the emergency stack");
    check_equal(vcpu_page().interrupt_flag, 0, "virtual interrupt flag");
    check_equal(run_user(program).frame.vector, program == call ? entry_system_call : invalid_opcode, "the next entry");
}

void check_works(const Case &test) {
    const uint64_t good_stack = vcpu_page().kernel_stack;
    vcpu_page().kernel_stack = test.stack;
    const Entry entry = run_user(call);
    vcpu_page().kernel_stack = good_stack;
    check(entry.frame.vector == entry_system_call, "%s: entry 0x%lx", test.name, entry.frame.vector);
}

}  // namespace

void guest_main() {
    set_up_user();
    const PhysicalFrame read_only = allocate_frame();
    map_page(test_page, entry_for(machine_frame(allocate_frame()), kernel_data));
    map_page(read_only_page, entry_for(machine_frame(read_only), kernel_read_only));

    for (const Case &test : bad_stacks) {
        check_double_fault(call, test, "system call");
        check_double_fault(fault, test, "exception");
    }
    for (uint64_t offset = 0; offset < page_size; offset += 8) {
        check(load<uint64_t>(linear_address(read_only) + offset) == 0, "the read-only page changed at %lu", offset);
    }
    for (const Case &test : odd_stacks) {
        check_works(test);
    }
}
