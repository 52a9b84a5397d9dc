// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// A vCPU that only computes, in ring 1, and asks for nothing while timer interrupts come and go: its general registers
// must stay its own. Eight registers run through a sequence with a known end, again and again. With "forever" on the
// command line it does not stop: for tests that look at a machine whose guest is certainly in ring 1.
#include "framework/guest.hpp"

#include <string_view>

using namespace guest;

namespace {

constexpr uint64_t rounds = 100'000;
constexpr uint64_t duration = 200 * millisecond;

// Each register adds the one before it; what comes out depends on each of them at every step.
uint64_t compute() {
    uint64_t result = 0;
    uint64_t left = rounds;
    asm volatile(R"(
	movl $1, %%eax
	movl $2, %%ebx
	movl $3, %%edx
	movl $5, %%esi
	movl $7, %%edi
	movl $11, %%r8d
	movl $13, %%r9d
	movl $17, %%r12d
1:	addq %%r12, %%rax
	addq %%rax, %%rbx
	addq %%rbx, %%rdx
	addq %%rdx, %%rsi
	addq %%rsi, %%rdi
	addq %%rdi, %%r8
	addq %%r8, %%r9
	addq %%r9, %%r12
	loop 1b
)"
                 : "=a"(result), "+c"(left)
                 :
                 : "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r12", "cc");
    return result;
}

}  // namespace

void guest_main() {
    const uint64_t expected = compute();
    const bool for_ever = std::string_view{start_info().command_line} == "forever";
    print("spinning%s\n", for_ever ? " for ever" : "");
    const uint64_t end = system_time() + duration;
    uint64_t computed = 0;
    do {
        check_equal(compute(), expected, "the sum");
        ++computed;
    } while (for_ever || system_time() < end);
    check(computed > 1, "it computed %lu times", computed);
}
