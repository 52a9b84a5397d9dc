// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// XSA-260: MOV SS with a data breakpoint on its operand delays the debug exception past the next instruction; if that
// is SYSCALL, INT3 or INT 0x80 it is delivered at the entry point, in ring 0, perhaps with the user's stack. Expected:
// the host lives, and the guest sees either the debug exception in ring 3 first (TCG) or the entry itself, undamaged,
// with the debug exception's bit kept for the next one (silicon, Bochs). MOV SS from ring 1 likewise.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t data_break_on_access = 0x400 | 1 | 3 << 16;  // DR0 enabled, read or write, one byte

USER_PROGRAM void before_system_call() { asm volatile("movw (%rdi), %ss\n\tsyscall\n\tud2"); }
USER_PROGRAM void before_int80() { asm volatile("movw (%rdi), %ss\n\tint $0x80\n\tud2"); }
USER_PROGRAM void before_breakpoint() { asm volatile("movw (%rdi), %ss\n\tint3\n\tud2"); }
constexpr uint64_t move_length = 2;

struct Case {
    const char *name;
    void (*program)();
    uint64_t entry;
};
constexpr Case cases[] = {
    {"SYSCALL", before_system_call, entry_system_call},
    {"INT 0x80", before_int80, entry_int80},
    {"INT3", before_breakpoint, breakpoint},
};

// `cs`: where it ran. The gate cannot tell from which ring a SYSCALL came: its frame has the user's selectors.
void check_case(const Case &test, const Entry &entry, uint64_t start, uint64_t cs) {
    const bool trapped_first = entry.frame.vector == debug_exception && entry.frame.rip == start + move_length;
    // Some processors deliver it behind the whole INT n or INT3 instead; both in the guest's ring.
    const bool arrived = entry.frame.vector == test.entry && entry.frame.rip > start + move_length;
    check(trapped_first || arrived, "%s from CS %lx: entry 0x%lx at start + %ld", test.name, cs, entry.frame.vector,
          static_cast<int64_t>(entry.frame.rip - start));
    check_equal(entry.frame.cs, entry.frame.vector == entry_system_call ? RINGFOLD_USER_CS : cs, test.name);
    if (trapped_first) {
        check_equal(entry.dr6 & 0xf, 1, "DR6 of the trap");
    }
}

}  // namespace

void guest_main() {
    set_up_user();
    const uint64_t user_word = user_stack_top - 128;
    const uint64_t kernel_word = linear_address(allocate_frame());
    store<uint64_t>(kernel_word, RINGFOLD_KERNEL_DS);
    for (unsigned round = 0; round < 50; ++round) {
        for (const Case &test : cases) {
            store<uint64_t>(user_word, RINGFOLD_USER_DS);
            check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 0, user_word), 0, "the address");
            check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 7, data_break_on_access), 0,
                         "the breakpoint");
            check_case(test, run_user(test.program, user_word), user_address(test.program), RINGFOLD_USER_CS);

            check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 0, kernel_word), 0, "the address");
            const Entry entry = catch_entry([&] { reinterpret_cast<void (*)(uint64_t)>(test.program)(kernel_word); });
            check_case(test, entry, reinterpret_cast<uint64_t>(test.program), RINGFOLD_KERNEL_CS);
            check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 7, 0x400), 0, "disabling it");
        }
    }
}
