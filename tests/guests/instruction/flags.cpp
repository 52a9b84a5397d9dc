// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// POPF and IRETQ are sensitive but do not fault: in ring 1 with IOPL 0 they silently keep IF and IOPL (Intel SDM volume
// 2, POPF and IRET). Expected, in ring 1, in ring 3 and for IRETQ from 1 to 1 and 1 to 3: with IF 0, IOPL 3, VIF and
// VIP asked for, IF stays 1 and the others 0; AC, ID and the arithmetic flags are taken. Otherwise a guest could keep
// the processor.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t asked[] = {
    flag_reserved,
    flag_reserved | flag_io_privilege,
    flag_reserved | flag_virtual_interrupt | flag_virtual_pending,
    flag_reserved | flag_io_privilege | flag_virtual_interrupt | flag_virtual_pending | flag_alignment_check,
    flag_reserved | flag_interrupt | flag_io_privilege | flag_identification | flag_carry,
};
constexpr uint64_t never = flag_io_privilege | flag_virtual_interrupt | flag_virtual_pending;

// RDI: flags for POPF; in RBX what PUSHF shows.
USER_PROGRAM void pop_flags() {
    asm volatile("pushq %rdi\n\tpopfq\n\tpushfq\n\tpopq %rbx\n\tpushq $0x202\n\tpopfq\n\tud2");
}

// RDI: flags for an IRETQ to the next instruction in ring 1.
extern "C" [[gnu::naked]] void return_to_ring_1(uint64_t) {
    asm volatile(R"(
	movq %rsp, %rax
	movl $0x19, %ecx
	pushq %rcx
	pushq %rax
	pushq %rdi
	movl $0x11, %ecx
	pushq %rcx
	leaq 1f(%rip), %rcx
	pushq %rcx
	iretq
1:	pushfq
	popq %rbx
	pushq $0x202
	popfq
	ud2
)");
}
static_assert(RINGFOLD_KERNEL_DS == 0x19 && RINGFOLD_KERNEL_CS == 0x11);

void check_flags(const Entry &entry, uint64_t flags, const char *how) {
    const uint64_t expected = (flags & ~never) | flag_interrupt;
    check(entry.frame.vector == invalid_opcode && entry.frame.rbx == expected, "%s with 0x%lx: entry 0x%lx flags 0x%lx",
          how, flags, entry.frame.vector, entry.frame.rbx);
}

}  // namespace

void guest_main() {
    set_up_user();
    for (const uint64_t flags : asked) {
        check_flags(catch_entry([=] { reinterpret_cast<void (*)(uint64_t)>(pop_flags)(flags); }), flags,
                    "POPF in ring 1");
        check_flags(run_user(pop_flags, flags), flags, "POPF in ring 3");
        check_flags(catch_entry([=] { return_to_ring_1(flags); }), flags, "IRETQ from ring 1 to 1");

        Frame frame = user_frame(pop_flags, user_flags);
        frame.rflags = flags;
        frame.rip = user_address(pop_flags) + 2;  // behind PUSH and POPF: what IRETQ gave
        const uint64_t pushfq_is_next = load<uint8_t>(reinterpret_cast<uint64_t>(pop_flags) + 2);
        check_equal(pushfq_is_next, 0x9c, "the program's third byte is PUSHF");
        check_flags(run_user(frame), flags, "IRETQ from ring 1 to 3");
    }
}
