// SPDX-License-Identifier: Apache-2.0
//
// The one SYSCALL instruction that is a hypercall. The linker gives it a page of its own, so that nothing else lies
// near the registered return address.
#include "framework/hypercall.hpp"

asm(R"(
	.pushsection .text.hypercall, "ax", @progbits
	.globl ringfold_hypercall_entry, hypercall_return
	.hidden ringfold_hypercall_entry, hypercall_return
	.balign 64
ringfold_hypercall_entry:
	syscall
hypercall_return:
	ret
	.popsection
)");
