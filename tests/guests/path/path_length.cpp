// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=30
//
// Path lengths in instructions: under QEMU's -icount shift=0 the TSC counts executed instructions, so two readings
// around a path measure it exactly. Measured with the smallest guest kernel: system call from ring 3 to the first
// instruction of the ring-1 entry; the whole null call and back; exception entry; a null hypercall (version) and a gate
// call. The targets are those of docs/performance.md (the exception's is what it is now, so that it cannot grow); the
// hypercall's holds for release builds, a debug build checks more.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t system_call_entry_target = 45;
constexpr uint64_t null_call_target = 70;
constexpr uint64_t exception_entry_target = 75;
constexpr uint64_t null_hypercall_target = 250;
constexpr unsigned repetitions = 50;

// Every measured program leaves the earlier reading in R8 and the later one in R9; R10 and R12 are its own.
#define READ_TSC(register) "rdtsc\n\tshlq $32, %rdx\n\torq %rdx, %rax\n\tmovq %rax, %" #register "\n\t"

USER_PROGRAM void nothing() { asm volatile(READ_TSC(r8) READ_TSC(r9) "ud2"); }
USER_PROGRAM void null_call() { asm volatile(READ_TSC(r8) "syscall\n\t" READ_TSC(r9) "ud2"); }
USER_PROGRAM void entry_only() { asm volatile(READ_TSC(r8) "syscall\n\tud2"); }
USER_PROGRAM void exception_only() { asm volatile(READ_TSC(r8) "int3\n\tud2"); }

// The smallest kernel that returns: the frame to the return area, the user's GS base back, the return window. RCX and
// R11 are lost to the system call anyway.
extern "C" [[gnu::naked]] void smallest_kernel() {
    asm volatile(R"(
	movabsq %0, %%rcx
	popq 0(%%rcx)
	popq 8(%%rcx)
	popq 16(%%rcx)
	popq 24(%%rcx)
	popq 32(%%rcx)
	movq %c1(%%rcx), %%r11
	wrgsbase %%r11
	movq %%rcx, %%rsp
	jmp window_start
)" ::"i"(RINGFOLD_VCPU_PAGE_ADDRESS),
                 "i"(offsetof(ringfold_vcpu_page, user_gs_base)));
}

// Reads the TSC as its first instruction; its UD2, in ring 1, ends the run.
extern "C" [[gnu::naked]] void reading_kernel() { asm volatile(READ_TSC(r9) "ud2"); }

// The shortest of several runs, so that a timer tick in one of them does not count.
template <typename Run>
uint64_t shortest(Run run) {
    uint64_t best = ~uint64_t{0};
    for (unsigned i = 0; i < repetitions; ++i) {
        const Entry entry = run();
        if (!entry.happened || entry.frame.vector != invalid_opcode) {
            fatal_failure("a measured program ended in entry 0x%lx", entry.frame.vector);
        }
        const uint64_t length = entry.frame.r9 - entry.frame.r8;
        best = length < best ? length : best;
    }
    return best;
}

extern "C" [[gnu::naked]] void hypercall_program() {
    asm volatile(
        READ_TSC(r8) "xorl %eax, %eax\n\txorl %edi, %edi\n\tcall ringfold_hypercall_entry\n\t" READ_TSC(r9) "ud2");
}
extern "C" [[gnu::naked]] void gate_call_program() {
    asm volatile(
        READ_TSC(r8) "movl $0x100, %eax\n\txorl %edi, %edi\n\tcall ringfold_hypercall_entry\n\t" READ_TSC(r9) "ud2");
}
extern "C" [[gnu::naked]] void empty_program() {
    asm volatile(READ_TSC(r8) "xorl %eax, %eax\n\txorl %edi, %edi\n\tcall 1f\n\t" READ_TSC(r9) "ud2\n1:\tret");
}

// Without what lies between the readings beyond the path itself: the first reading's other three instructions, say.
uint64_t measure(const char *name, uint64_t raw, uint64_t overhead) {
    const uint64_t length = raw - overhead;
    print("path: %s=%lu\n", name, length);
    return length;
}

void with_entries(void (*system_call)(), void (*trap)()) {
    ringfold_vcpu_entries entries = default_entries();
    entries.syscall = reinterpret_cast<uint64_t>(system_call);
    entries.exceptions[breakpoint] = reinterpret_cast<uint64_t>(trap);
    check_status(register_entries(entries), 0, "registering");
}

}  // namespace

void guest_main() {
    set_up_user();
    const uint64_t nothing_between = shortest([] { return run_user(nothing); });
    check_equal(nothing_between, 4, "instructions between two readings: is the TSC an instruction count?");

    with_entries(reading_kernel, reading_kernel);
    const uint64_t entry = measure("system_call_entry", shortest([] { return run_user(entry_only); }), nothing_between);
    const uint64_t exception =
        measure("exception_entry", shortest([] { return run_user(exception_only); }), nothing_between);
    with_entries(smallest_kernel, reading_kernel);
    const uint64_t call = measure("null_system_call", shortest([] { return run_user(null_call); }), nothing_between);
    check_status(register_entries(default_entries()), 0, "registering");

    const uint64_t empty = shortest([] { return catch_entry(empty_program); });
    const uint64_t gate = measure("gate_call", shortest([] { return catch_entry(gate_call_program); }), empty);
    const uint64_t hyper = measure("null_hypercall", shortest([] { return catch_entry(hypercall_program); }), empty);

    check(entry <= system_call_entry_target, "system call entry: %lu instructions", entry);
    check(exception <= exception_entry_target, "exception entry: %lu instructions", exception);
    check(call <= null_call_target, "null system call: %lu instructions", call);
    check(gate < hyper, "a gate call is no shorter than a hypercall: %lu", gate);
    check(hyper <= null_hypercall_target || is_debug_hypervisor(), "null hypercall: %lu instructions", hyper);
}
