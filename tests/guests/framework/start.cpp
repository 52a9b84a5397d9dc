// SPDX-License-Identifier: Apache-2.0
//
// The image's ELF notes and its entry point.
#include "framework/guest.hpp"

namespace guest {
// The ELF notes: size of the owner's name with its NUL, size of the descriptor, type; the name, padded; the descriptor.
static_assert(RINGFOLD_NOTE_ABI_VERSION == 1 && RINGFOLD_ABI_VERSION == 1);
static_assert(RINGFOLD_NOTE_HYPERCALL_RETURN == 3);
asm(R"(
	.pushsection .note.Ringfold, "a", @note
	.balign 4
	.long 9, 4, 1
	.asciz "Ringfold"
	.balign 4
	.long 1
	.long 9, 8, 3
	.asciz "Ringfold"
	.balign 4
	.quad hypercall_return
	.popsection
)");

// In: RDI the start-info page, RSP 16-byte aligned.
extern "C" [[gnu::used, noreturn]] void start(const ringfold_start_info *info) {
    set_up_memory(info);
    set_up_vcpu({info->root});
    guest_main();
    finish();
}

extern "C" [[gnu::naked, gnu::used]] void guest_entry() { asm volatile("xorl %ebp, %ebp\n\tcallq start\n\tud2"); }

}  // namespace guest
