// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/vcpu_context.hpp"

#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/gate/descriptor.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace ringfold {

namespace {

// What is the same word in both.
struct Place {
    uint64_t ringfold_vcpu_registers::*there;
    uint64_t EntryFrame::*here;
};
constexpr std::array words{
    Place{&ringfold_vcpu_registers::rax, &EntryFrame::rax},
    Place{&ringfold_vcpu_registers::rbx, &EntryFrame::rbx},
    Place{&ringfold_vcpu_registers::rcx, &EntryFrame::rcx},
    Place{&ringfold_vcpu_registers::rdx, &EntryFrame::rdx},
    Place{&ringfold_vcpu_registers::rsi, &EntryFrame::rsi},
    Place{&ringfold_vcpu_registers::rdi, &EntryFrame::rdi},
    Place{&ringfold_vcpu_registers::rbp, &EntryFrame::rbp},
    Place{&ringfold_vcpu_registers::rsp, &EntryFrame::rsp},
    Place{&ringfold_vcpu_registers::r8, &EntryFrame::r8},
    Place{&ringfold_vcpu_registers::r9, &EntryFrame::r9},
    Place{&ringfold_vcpu_registers::r10, &EntryFrame::r10},
    Place{&ringfold_vcpu_registers::r11, &EntryFrame::r11},
    Place{&ringfold_vcpu_registers::r12, &EntryFrame::r12},
    Place{&ringfold_vcpu_registers::r13, &EntryFrame::r13},
    Place{&ringfold_vcpu_registers::r14, &EntryFrame::r14},
    Place{&ringfold_vcpu_registers::r15, &EntryFrame::r15},
    Place{&ringfold_vcpu_registers::rip, &EntryFrame::rip},
    Place{&ringfold_vcpu_registers::rflags, &EntryFrame::rflags},
};

// The vCPU, which is nobody else's while the caller has the lock of the pauses.
Result<Vcpu *> find_stopped(Domain &domain, const Pauses &pauses, uint32_t number) {
    Vcpu *const vcpu = TRY(domain.find_vcpu(number));
    if (pauses.count == 0 || !domain.schedule.standstill.is_on()) {
        return Error::busy;
    }
    if (!scheduler::has_stopped(*vcpu)) {
        return Error::again;
    }
    const VcpuState state = scheduler::state_of(*vcpu);
    if (state == VcpuState::offline || state == VcpuState::starting) {
        return Error::not_found;
    }
    return vcpu;
}

void copy_segments(const ringfold_vcpu_registers &from, SegmentState &to) {
    to = {.ds = from.ds, .es = from.es, .fs = from.fs, .gs = from.gs, .fs_base = from.fs_base, .gs_base = from.gs_base};
}

void apply(Vcpu &vcpu, const ringfold_vcpu_registers &registers) {
    for (const Place &word : words) {
        vcpu.registers.*word.here = registers.*word.there;
    }
    vcpu.registers.cs = registers.cs;
    vcpu.registers.ss = registers.ss;
    copy_segments(registers, vcpu.segments);
    std::copy(std::begin(registers.debug_addresses), std::end(registers.debug_addresses), vcpu.debug.address.begin());
    vcpu.debug.control = registers.debug_control | DebugRegisters::control_reset;
    vcpu.debug.absorbed_status = 0;
    vcpu.debug.stop_status = 0;
    std::transform(std::begin(registers.thread_descriptors), std::end(registers.thread_descriptors),
                   vcpu.thread_descriptors.begin(), descriptor::as_loaded);
    vcpu.cpu_number_descriptor = descriptor::as_loaded(registers.cpu_number_descriptor);
    vcpu.entries = registers.entries;
    vcpu.has_pending_exception = false;
}

}  // namespace

Result<ringfold_vcpu_registers> read_registers(Domain &domain, uint32_t vcpu) {
    auto pauses = domain.pauses.lock();
    const Vcpu &stopped = *TRY(find_stopped(domain, *pauses, vcpu));
    ringfold_vcpu_registers registers{};
    for (const Place &word : words) {
        registers.*word.there = stopped.registers.*word.here;
    }
    registers.cs = static_cast<uint16_t>(stopped.registers.cs);
    registers.ss = static_cast<uint16_t>(stopped.registers.ss);
    registers.ds = stopped.segments.ds;
    registers.es = stopped.segments.es;
    registers.fs = stopped.segments.fs;
    registers.gs = stopped.segments.gs;
    registers.fs_base = stopped.segments.fs_base;
    registers.gs_base = stopped.segments.gs_base;
    std::copy(stopped.debug.address.begin(), stopped.debug.address.end(), std::begin(registers.debug_addresses));
    registers.debug_control = stopped.debug.control;
    registers.debug_status = stopped.debug.stop_status;
    std::copy(stopped.thread_descriptors.begin(), stopped.thread_descriptors.end(),
              std::begin(registers.thread_descriptors));
    registers.cpu_number_descriptor = stopped.cpu_number_descriptor;
    registers.root = stopped.root.frame().raw();
    registers.vcpu_page = stopped.page_hold.frame().raw();
    registers.entries = stopped.entries;
    return registers;
}

Result<void> write_registers(Domain &domain, uint32_t vcpu, const ringfold_vcpu_registers &registers) {
    auto pauses = domain.pauses.lock();
    Vcpu &stopped = *TRY(find_stopped(domain, *pauses, vcpu));
    TRY(check_registers(registers));
    if (registers.vcpu_page != stopped.page_hold.frame().raw()) {
        return Error::invalid_argument;
    }
    stopped.root = TRY(take_root(domain.memory, MachineFrame{registers.root}));
    stopped.root_must_flush = true;
    apply(stopped, registers);
    return {};
}

}  // namespace ringfold
