// SPDX-License-Identifier: Apache-2.0
// guest: hosts=qemu,bochs
//
// Popek and Goldberg as a test: every privileged or sensitive instruction, in ring 1 and in ring 3. What reads or
// changes the machine's state must fault (#GP or #UD, at the instruction); what is harmless runs. SGDT, SIDT, SLDT,
// SMSW and STR fault where there is UMIP, and run where there is not. The expectations are RING1's table and the
// SDM's (volume 2) per instruction: CPL 0 needed, or IOPL >= CPL.
#include "framework/guest.hpp"

using namespace guest;

namespace {

enum class Expectation : uint8_t { general_protection, undefined, runs, faults_with_umip };
using enum Expectation;

struct Instruction {
    const char *name;
    void (*program)();
    Expectation expectation;  // the same in rings 1 and 3
};

// An instruction that runs meets the UD2 behind it; the instruction is the program's last but one.
#define INSTRUCTION(identifier, text) \
    USER_PROGRAM void identifier() { asm volatile(text "\n\tud2"); }

INSTRUCTION(run_cli, "cli")
INSTRUCTION(run_sti, "sti")
INSTRUCTION(run_hlt, "hlt")
INSTRUCTION(run_clts, "clts")
INSTRUCTION(run_invd, "invd")
INSTRUCTION(run_wbinvd, "wbinvd")
INSTRUCTION(run_invlpg, "invlpg (%rsp)")
INSTRUCTION(run_rdmsr, "rdmsr")
INSTRUCTION(run_wrmsr, "wrmsr")
INSTRUCTION(run_rdpmc, "rdpmc")
INSTRUCTION(run_swapgs, "swapgs")
INSTRUCTION(run_lmsw, "lmsw %ax")
INSTRUCTION(run_lgdt, "lgdt (%rsp)")
INSTRUCTION(run_lidt, "lidt (%rsp)")
INSTRUCTION(run_lldt, "lldt %ax")
INSTRUCTION(run_ltr, "ltr %ax")
INSTRUCTION(run_sysretq, "sysretq")
INSTRUCTION(run_sysretl, "sysretl")
INSTRUCTION(run_sysexit, "sysexitl")
INSTRUCTION(read_cr0, "movq %cr0, %rax")
INSTRUCTION(read_cr2, "movq %cr2, %rax")
INSTRUCTION(read_cr3, "movq %cr3, %rax")
INSTRUCTION(read_cr4, "movq %cr4, %rax")
INSTRUCTION(read_cr8, "movq %cr8, %rax")
INSTRUCTION(write_cr0, "movq %rax, %cr0")
INSTRUCTION(write_cr2, "movq %rax, %cr2")
INSTRUCTION(write_cr3, "movq %rax, %cr3")
INSTRUCTION(write_cr4, "movq %rax, %cr4")
INSTRUCTION(write_cr8, "movq %rax, %cr8")
INSTRUCTION(read_dr0, "movq %dr0, %rax")
INSTRUCTION(read_dr7, "movq %dr7, %rax")
INSTRUCTION(write_dr0, "movq %rax, %dr0")
INSTRUCTION(write_dr7, "movq %rax, %dr7")
INSTRUCTION(run_in_byte, "inb %dx, %al")
INSTRUCTION(run_in_long, "inl %dx, %eax")
INSTRUCTION(run_out_byte, "outb %al, %dx")
INSTRUCTION(run_out_immediate, "outb %al, $0x80")
INSTRUCTION(run_ins, "insb")
INSTRUCTION(run_outs, "outsb")
INSTRUCTION(run_sgdt, "sgdt -64(%rsp)")
INSTRUCTION(run_sidt, "sidt -64(%rsp)")
INSTRUCTION(run_sldt, "sldt %eax")
INSTRUCTION(run_smsw, "smsw %eax")
INSTRUCTION(run_str, "str %eax")
INSTRUCTION(run_xsetbv, "xsetbv")
INSTRUCTION(run_stac, "stac")
INSTRUCTION(run_clac, "clac")
INSTRUCTION(run_monitor, "monitor")
INSTRUCTION(run_mwait, "mwait")
INSTRUCTION(run_vmcall, "vmcall")
INSTRUCTION(run_vmmcall, "vmmcall")
INSTRUCTION(run_clgi, "clgi")
INSTRUCTION(run_stgi, "stgi")
INSTRUCTION(run_skinit, "skinit")
INSTRUCTION(run_vmxoff, "vmxoff")
INSTRUCTION(run_rdtsc, "rdtsc")
INSTRUCTION(run_cpuid, "xorl %eax, %eax\n\tcpuid")
INSTRUCTION(run_lar, "movl $0x11, %eax\n\tlarl %eax, %ecx")
INSTRUCTION(run_lsl, "movl $0x11, %eax\n\tlsll %eax, %ecx")
INSTRUCTION(run_verr, "movl $0x2b, %eax\n\tverr %ax")
INSTRUCTION(run_verw, "movl $0x2b, %eax\n\tverw %ax")
INSTRUCTION(run_rdfsbase, "rdfsbase %rax")
INSTRUCTION(run_rdgsbase, "rdgsbase %rax")
INSTRUCTION(run_pushf, "pushfq")
INSTRUCTION(run_popf, "pushq $0x202\n\tpopfq")

constexpr Instruction instructions[] = {
    {"CLI", run_cli, general_protection},
    {"STI", run_sti, general_protection},
    {"HLT", run_hlt, general_protection},
    {"CLTS", run_clts, general_protection},
    {"INVD", run_invd, general_protection},
    {"WBINVD", run_wbinvd, general_protection},
    {"INVLPG", run_invlpg, general_protection},
    {"RDMSR", run_rdmsr, general_protection},
    {"WRMSR", run_wrmsr, general_protection},
    {"RDPMC", run_rdpmc, general_protection},
    {"SWAPGS", run_swapgs, general_protection},
    {"LMSW", run_lmsw, general_protection},
    {"LGDT", run_lgdt, general_protection},
    {"LIDT", run_lidt, general_protection},
    {"LLDT", run_lldt, general_protection},
    {"LTR", run_ltr, general_protection},
    {"SYSRET to 64 bits", run_sysretq, general_protection},
    {"SYSRET to 32 bits", run_sysretl, general_protection},
    {"MOV from CR0", read_cr0, general_protection},
    {"MOV from CR2", read_cr2, general_protection},
    {"MOV from CR3", read_cr3, general_protection},
    {"MOV from CR4", read_cr4, general_protection},
    {"MOV from CR8", read_cr8, general_protection},
    {"MOV to CR0", write_cr0, general_protection},
    {"MOV to CR2", write_cr2, general_protection},
    {"MOV to CR3", write_cr3, general_protection},
    {"MOV to CR4", write_cr4, general_protection},
    {"MOV to CR8", write_cr8, general_protection},
    {"MOV from DR0", read_dr0, general_protection},
    {"MOV from DR7", read_dr7, general_protection},
    {"MOV to DR0", write_dr0, general_protection},
    {"MOV to DR7", write_dr7, general_protection},
    {"IN byte", run_in_byte, general_protection},
    {"IN long", run_in_long, general_protection},
    {"OUT byte", run_out_byte, general_protection},
    {"OUT immediate", run_out_immediate, general_protection},
    {"INS", run_ins, general_protection},
    {"OUTS", run_outs, general_protection},
    {"SGDT", run_sgdt, faults_with_umip},
    {"SIDT", run_sidt, faults_with_umip},
    {"SLDT", run_sldt, faults_with_umip},
    {"SMSW", run_smsw, faults_with_umip},
    {"STR", run_str, faults_with_umip},
    {"XSETBV", run_xsetbv, general_protection},
    {"STAC", run_stac, undefined},
    {"CLAC", run_clac, undefined},
    {"MONITOR", run_monitor, undefined},
    {"MWAIT", run_mwait, undefined},
    {"VMCALL", run_vmcall, undefined},
    {"VMMCALL", run_vmmcall, undefined},
    {"CLGI", run_clgi, undefined},
    {"STGI", run_stgi, undefined},
    {"SKINIT", run_skinit, undefined},
    {"VMXOFF", run_vmxoff, undefined},
    {"RDTSC", run_rdtsc, runs},
    {"CPUID", run_cpuid, runs},
    {"LAR", run_lar, runs},
    {"LSL", run_lsl, runs},
    {"VERR", run_verr, runs},
    {"VERW", run_verw, runs},
    {"RDFSBASE", run_rdfsbase, runs},
    {"RDGSBASE", run_rdgsbase, runs},
    {"PUSHF", run_pushf, runs},
    {"POPF", run_popf, runs},
};

// SYSEXIT and SYSENTER: #GP or #UD, as the processor's maker has it; never entered. Checked apart.

// Intel SDM vol. 2A, CPUID: leaf 7, ECX bit 2.
bool has_umip() {
    uint32_t leaf = 7;
    uint32_t ecx = 0;
    asm volatile("cpuid" : "+a"(leaf), "+c"(ecx) : : "rbx", "rdx");
    return (ecx & 4) != 0;
}

Expectation expectation_of(const Instruction &test) {
    if (test.expectation != faults_with_umip) {
        return test.expectation;
    }
    return has_umip() ? general_protection : runs;
}

void check_instruction(const Instruction &test, const Entry &entry, uint64_t start, unsigned ring) {
    const Expectation expectation = expectation_of(test);
    const uint64_t vector = expectation == general_protection ? guest::general_protection : invalid_opcode;
    check(entry.happened && entry.frame.vector == vector && entry.frame.error == 0,
          "%s in ring %u: vector %lu error 0x%lx", test.name, ring, entry.frame.vector, entry.frame.error);
    const bool stopped_at_it = entry.frame.rip == start;
    check(stopped_at_it == (expectation != runs), "%s in ring %u: stopped at its start + %ld", test.name, ring,
          static_cast<int64_t>(entry.frame.rip - start));
}

}  // namespace

void guest_main() {
    set_up_user();
    for (const Instruction &test : instructions) {
        check_instruction(test, catch_entry(test.program), reinterpret_cast<uint64_t>(test.program), 1);
        check_instruction(test, run_user(test.program), user_address(test.program), 3);
    }
    for (const uint64_t vector : {catch_entry(run_sysexit).frame.vector, run_user(run_sysexit).frame.vector}) {
        check(vector == guest::general_protection || vector == invalid_opcode, "SYSEXIT: vector %lu", vector);
    }
    check_equal(read_flags() & (flag_interrupt | flag_io_privilege), flag_interrupt, "RFLAGS afterwards");
    check_equal(read_gs_base(), vcpu_page().kernel_gs_base, "GS base afterwards");
}
