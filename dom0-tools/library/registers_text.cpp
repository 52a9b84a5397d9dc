// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/registers_text.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

std::string registers_text(uint32_t vcpu, const ringfold_vcpu_registers &r) {
    return fmt::format(
        "vCPU {}\n"
        "  rip {:016x}  rsp {:016x}  flags {:08x}\n"
        "  rax {:016x}  rbx {:016x}  rcx {:016x}  rdx {:016x}\n"
        "  rsi {:016x}  rdi {:016x}  rbp {:016x}  r8  {:016x}\n"
        "  r9  {:016x}  r10 {:016x}  r11 {:016x}  r12 {:016x}\n"
        "  r13 {:016x}  r14 {:016x}  r15 {:016x}  root frame {:x}\n"
        "  cs {:04x}  ss {:04x}  ds {:04x}  es {:04x}  fs {:04x} {:016x}  gs {:04x} {:016x}\n",
        vcpu, r.rip, r.rsp, r.rflags, r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp, r.r8, r.r9, r.r10, r.r11, r.r12,
        r.r13, r.r14, r.r15, r.root, r.cs, r.ss, r.ds, r.es, r.fs, r.fs_base, r.gs, r.gs_base);
}

}  // namespace ringfold::tools
