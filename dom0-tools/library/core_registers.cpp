// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/core_registers.hpp"

#include "dom0-tools/library/core_note.hpp"

#include <elf.h>
#include <sys/procfs.h>

#include <cstring>
#include <span>
#include <string_view>

namespace ringfold::tools {

namespace {

// What QEMU's note holds, its version 1. A guest sees none of the descriptor tables and control registers but the root.
struct MachineSegment {
    uint32_t selector, limit, flags, reserved;
    uint64_t base;
};
static_assert(sizeof(MachineSegment) == 24);

struct MachineState {
    uint32_t version, size;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
    MachineSegment cs, ds, es, fs, gs, ss;
    MachineSegment ldt, tr, gdt, idt;
    uint64_t cr[5];
};
static_assert(sizeof(MachineState) == 432);

// `name` with its NUL.
std::string make_note(std::string_view name, uint32_t type, std::span<const std::byte> contents) {
    const Elf64_Nhdr header{static_cast<Elf64_Word>(name.size()), static_cast<Elf64_Word>(contents.size()), type};
    std::string note(reinterpret_cast<const char *>(&header), sizeof header);
    const auto append = [&note](const void *bytes, std::size_t size) {
        note.append(static_cast<const char *>(bytes), size);
        note.resize(note_padded(note.size()));
    };
    append(name.data(), name.size());
    append(contents.data(), contents.size());
    return note;
}

}  // namespace

// In Linux' order of registers.
std::string status_note(uint32_t vcpu, const ringfold_vcpu_registers &r) {
    elf_prstatus status{};
    status.pr_pid = static_cast<pid_t>(vcpu + 1);
    const unsigned long long registers[] = {r.r15,    r.r14, r.r13, r.r12,     r.rbp,     r.rbx, r.r11, r.r10, r.r9,
                                            r.r8,     r.rax, r.rcx, r.rdx,     r.rsi,     r.rdi, r.rax, r.rip, r.cs,
                                            r.rflags, r.rsp, r.ss,  r.fs_base, r.gs_base, r.ds,  r.es,  r.fs,  r.gs};
    static_assert(sizeof registers == sizeof status.pr_reg);
    std::memcpy(&status.pr_reg, registers, sizeof registers);
    return make_note({"CORE", 5}, NT_PRSTATUS, std::as_bytes(std::span{&status, 1}));
}

std::string machine_note(const ringfold_vcpu_registers &r, std::optional<GuestFrame> root) {
    MachineState state{};
    state.version = 1;
    state.size = sizeof state;
    state.rax = r.rax;
    state.rbx = r.rbx;
    state.rcx = r.rcx;
    state.rdx = r.rdx;
    state.rsi = r.rsi;
    state.rdi = r.rdi;
    state.rsp = r.rsp;
    state.rbp = r.rbp;
    state.r8 = r.r8;
    state.r9 = r.r9;
    state.r10 = r.r10;
    state.r11 = r.r11;
    state.r12 = r.r12;
    state.r13 = r.r13;
    state.r14 = r.r14;
    state.r15 = r.r15;
    state.rip = r.rip;
    state.rflags = r.rflags;
    state.cs.selector = r.cs;
    state.ds.selector = r.ds;
    state.es.selector = r.es;
    state.fs = {r.fs, 0, 0, 0, r.fs_base};
    state.gs = {r.gs, 0, 0, 0, r.gs_base};
    state.ss.selector = r.ss;
    state.cr[3] = root ? root->raw() << page_shift : 0;
    return make_note({"QEMU", 5}, 0, std::as_bytes(std::span{&state, 1}));
}

}  // namespace ringfold::tools
