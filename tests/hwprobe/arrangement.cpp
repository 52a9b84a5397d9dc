// SPDX-License-Identifier: Apache-2.0
#include "tests/hwprobe/arrangement.hpp"

#include "tests/hwprobe/descriptors.hpp"
#include "tests/hwprobe/features.hpp"
#include "tests/hwprobe/processor.hpp"

namespace hwprobe {
namespace {

constexpr uint32_t msr_star = 0xc000'0081;
constexpr uint32_t msr_lstar = 0xc000'0082;
constexpr uint32_t msr_cstar = 0xc000'0083;
constexpr uint32_t msr_sfmask = 0xc000'0084;
constexpr uint32_t msr_sysenter_cs = 0x174;

constexpr uint64_t sfmask_without_nt = 0x700;              // TF, IF, DF
constexpr uint64_t sfmask = sfmask_without_nt | 0x4'7000;  // and IOPL, NT, AC

constexpr uint64_t cr4_pae = 1u << 5;
constexpr uint64_t cr4_osfxsr = 1u << 9;
constexpr uint64_t cr4_umip = 1u << 11;
constexpr uint64_t cr4_fsgsbase = 1u << 16;
constexpr uint64_t cr4_osxsave = 1u << 18;
constexpr uint64_t cr4_smep = 1u << 20;
constexpr uint64_t cr4_smap = 1u << 21;

// DR7 (Intel SDM vol. 3, 17.2.4): breakpoint 0, global.
constexpr uint64_t break_on_execution = 1u << 1;
constexpr uint64_t break_on_access = 1u << 1 | 3u << 16 | 3u << 18;  // four bytes, reads and writes

uint64_t base_cr4() {
    return cr4_pae | cr4_osfxsr | (has(Feature::fsgsbase) ? cr4_fsgsbase : 0) | (has(Feature::xsave) ? cr4_osxsave : 0);
}

}  // namespace

void arrange_machine() {
    constexpr uint64_t kernel_cs = 0x08;
    constexpr uint64_t user_cs = 0x23;  // SYSRET's: never used here
    write_cr4(base_cr4());
    write_msr(msr_star, kernel_cs << 32 | user_cs << 48);
    write_msr(msr_lstar, address(syscall_entry));
    write_msr(msr_cstar, address(cstar_entry));
    write_msr(msr_sfmask, sfmask);
    write_msr(msr_sysenter_cs, 0);
    set_breakpoint(0, 0);
    write_port(0x21, 0xff);  // both 8259s: every line masked
    write_port(0xa1, 0xff);
}

void arrange(const Probe &probe) {
    switch (probe.arrange) {
        case Arrangement::nothing:
            break;
        case Arrangement::smep:
            write_cr4(base_cr4() | cr4_smep);
            break;
        case Arrangement::smap:
            write_cr4(base_cr4() | cr4_smap);
            break;
        case Arrangement::umip:
            write_cr4(base_cr4() | cr4_umip);
            break;
        case Arrangement::gate_iretq:
            write_msr(msr_lstar, address(gate_entry));
            write_msr(msr_sfmask, sfmask_without_nt);
            break;
        case Arrangement::data_break:
            set_breakpoint(address(break_word), break_on_access);
            break;
        case Arrangement::code_break:
            set_breakpoint(address(probe.at), break_on_execution);
            break;
        case Arrangement::read_only_gdt:
            load_gdt(true);
            break;
    }
}

void arrange_back(const Probe &probe) {
    arrange_machine();
    if (probe.arrange == Arrangement::read_only_gdt) {
        load_gdt(false);
    }
}

}  // namespace hwprobe
