// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 timeout=60 hosts=qemu,bochs
//
// The registers of a paused domain's vCPU, read and written. Expected: what is read is what the child has put there;
// what was written is read back, word by word, after refused attempts too; and the child goes on with exactly what was
// written: general registers and address, FS base, an entry point, a debug register, another root.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <cstring>

using namespace guest;

#define SHUTDOWN "9"
#define DEBUG_REGISTER_GET "16"
static_assert(RINGFOLD_HYPERCALL_SHUTDOWN == 9 && RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET == 16);
#define ENDS_WITH_ESI "\n\txorl %edi, %edi\n\tmovl $" SHUTDOWN ", %eax\n\tcall child_hypercall\n\tud2"

CHILD_PROGRAM void child_spins_with_marks() {
    asm volatile(
        "movq %rdi, %rbx\n\tleaq 1(%rdi), %r8\n\tleaq 2(%rdi), %r15\n\tleaq 3(%rdi), %rbp\n\t"
        "wrfsbase %rdi\n\tmovl $0x2b, %eax\n\tmovl %eax, %es\n\tstd\n1:\tpause\n\tjmp 1b");
}
CHILD_PROGRAM void child_tells_fs_base() { asm volatile("rdfsbase %rsi" ENDS_WITH_ESI); }
CHILD_PROGRAM void child_traps() { asm volatile("movl $77, %esi\n\tint3\n\tud2"); }
CHILD_PROGRAM void child_ends_with_esi() { asm volatile("nop" ENDS_WITH_ESI); }
CHILD_PROGRAM void child_tells_dr2() {
    asm volatile("movl $2, %edi\n\tmovl $" DEBUG_REGISTER_GET
                 ", %eax\n\tcall child_hypercall\n\tmovl %edx, %esi" ENDS_WITH_ESI);
}

namespace {

constexpr uint64_t mark = 0x1234'5678'9000;
using Registers = ringfold_vcpu_registers;

Result get(const Child &child, Registers &registers) {
    const Result result = hypercall(RINGFOLD_HYPERCALL_VCPU_CONTEXT_GET, child.id, 0, 8);
    std::memcpy(&registers, call_buffer_bytes() + 8, sizeof registers);
    return result;
}

Result set(const Child &child, const Registers &registers) {
    std::memcpy(call_buffer_bytes() + 8, &registers, sizeof registers);
    return hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_CONTEXT_SET, child.id, 0, 8);
}

uint64_t address_of(const Child &child, void (*program)()) { return child_context(child, program).rip; }

// Runs at least for a while, then is paused.
Child paused_child(uint32_t cpu, Registers &registers) {
    const Child child = run_child(child_spins_with_marks, mark, {.first_cpu = cpu});
    const uint64_t start = address_of(child, child_spins_with_marks);
    do {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
        check_result(pause_domain(child.id), 0, 1, "pausing it");
        check_status(get(child, registers), 0, "vcpu_context_get");
        if (registers.rbp != mark + 3 || (registers.rflags & 0x400) == 0) {  // it has not come far enough
            check_result(unpause_domain(child.id), 0, 0, "unpausing it");
        }
    } while (registers.rbp != mark + 3 || (registers.rflags & 0x400) == 0);
    check(registers.rip > start && registers.rip < start + 64, "rip 0x%lx", registers.rip);
    return child;
}

void check_what_is_read(const Child &child, const Registers &r) {
    check_equal(r.rdi, mark, "rdi");
    check_equal(r.rbx, mark, "rbx");
    check_equal(r.r8, mark + 1, "r8");
    check_equal(r.r15, mark + 2, "r15");
    check_equal(r.rsp, child_stack + page_size, "rsp");
    check_equal(r.fs_base, mark, "FS base");
    check_equal(r.es, RINGFOLD_USER_DS, "ES");
    check_equal(r.cs, RINGFOLD_KERNEL_CS, "CS");
    check_equal(r.rflags & ~0xd5ULL, 0x602, "flags");
    check_equal(r.root, child.frames[Child::l4].number, "root");
    check_equal(r.vcpu_page, child.frames[Child::vcpu_page].number, "vCPU page");
    check_equal(r.debug_control, 0x400, "DR7");
    check_equal(r.entries.hypercall_return, address_of(child, child_hypercall) + 2, "hypercall_return");
    check_equal(r.entries.syscall, 0, "an entry that was not registered");
}

void check_end(const Child &child, uint32_t code, const char *what) {
    check_result(unpause_domain(child.id), 0, 0, what);
    const ringfold_domain_info info = await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_equal(info.shutdown_reason, RINGFOLD_SHUTDOWN_POWER_OFF, what);
    check_equal(info.shutdown_code, code, what);
    check_status(destroy_domain(child.id), 0, what);
}

template <typename Change>
void run_changed(uint32_t cpu, uint32_t code, const char *what, Change change) {
    Registers registers{};
    const Child child = paused_child(cpu, registers);
    check_what_is_read(child, registers);
    check_status(set(child, registers), 0, "writing what was read");
    registers.rflags &= ~0x400ULL;
    change(child, registers);
    check_status(set(child, registers), 0, what);
    Registers again{};
    check_status(get(child, again), 0, what);
    check(std::memcmp(&again, &registers, sizeof again) == 0, "%s: something else is read than was written", what);
    check_end(child, code, what);
}

}  // namespace

void guest_main() {
    run_changed(0, 42, "another address", [](const Child &child, Registers &r) {
        r.rip = address_of(child, child_powers_off);
        r.rdi = 42;
        r.cs = RINGFOLD_KERNEL_CS;
    });
    run_changed(1, 0x5a, "another FS base", [](const Child &child, Registers &r) {
        r.rip = address_of(child, child_tells_fs_base);
        r.fs_base = 0x5a;
    });
    run_changed(1, 77, "an entry point", [](const Child &child, Registers &r) {
        r.rip = address_of(child, child_traps);
        r.entries.exceptions[3] = address_of(child, child_ends_with_esi);
    });
    run_changed(0, 0xd2, "a debug register", [](const Child &child, Registers &r) {
        r.rip = address_of(child, child_tells_dr2);
        r.debug_addresses[2] = 0xd2;
    });
    // Its page of code lies where the new root has it.
    run_changed(1, 3, "another root", [](const Child &child, Registers &r) {
        check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_MAXIMUM_SET, child.id, Child::pages + 1), 0, "maximum");
        check_result(populate_domain(child.id, 1), 0, 1, "a frame more");
        const uint64_t frame = *call_buffer<uint64_t>();
        *call_buffer<ringfold_domain_copy_element>() = {frame, 512, 8 * static_cast<uint32_t>(index_of(child_base, 4)),
                                                        8};
        *call_buffer<uint64_t>(512) = entry_for(child.frames[Child::l3], table_flags);
        check_equal(static_cast<uint64_t>(ringfold_domain_copy(child.id, 0, 0, 1).status), 0,
                    "an entry of the new root");
        r.root = frame;
        r.rip = address_of(child, child_powers_off);
        r.rdi = 3;
    });
}
