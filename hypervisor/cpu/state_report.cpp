// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/state_report.hpp"

#include "hypervisor/cpu/backtrace.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/platform/ipi.hpp"

#include <array>
#include <atomic>

namespace ringfold {

namespace {

// A CPU's answer. The NMI may have interrupted whoever holds the log's lock, so it writes nothing but this.
struct State {
    EntryFrame registers;
    Backtrace trace;
    bool has_vcpu;
    DomainId domain;
    VcpuId vcpu;
};
constinit std::array<State, max_cpus> states{};

// The CPUs that are to answer: set before the NMI, cleared (release) when the answer is complete.
constinit std::atomic<uint64_t> asked = 0;

constexpr uint64_t patience = 10'000'000;  // polls for the answers

void log_state(CpuId cpu, const State &state) {
    if (state.has_vcpu) {
        log_info("cpu {}: d{} v{}, {}", cpu, state.domain, state.vcpu,
                 !state.registers.from_guest() ? "in the hypervisor"
                 : state.registers.from_user() ? "in ring 3"
                                               : "in ring 1");
    } else {
        log_info("cpu {}: no vCPU", cpu);
    }
    log_registers(LogLevel::info, state.registers);
    log_backtrace(LogLevel::info, state.trace);
}

void fill(State &state, const EntryFrame &registers) {
    const Vcpu *const vcpu = this_cpu().guest.current;
    state.registers = registers;
    state.trace = registers.from_guest() ? Backtrace{} : collect_backtrace(registers.rip, registers.rbp);
    state.has_vcpu = vcpu != nullptr;
    if (vcpu != nullptr) {
        state.domain = vcpu->domain.id;
        state.vcpu = vcpu->id;
    }
}

// This CPU's own: the guest as it was interrupted, if one was; and where we are.
void log_this_cpu() {
    const CpuId self = this_cpu().id;
    if (this_cpu().guest.current != nullptr) {
        State &state = states[self.raw()];
        const auto top = virtual_map::main_stack.base + virtual_map::main_stack.size;
        fill(state, *reinterpret_cast<const EntryFrame *>(top - sizeof(EntryFrame)));
        log_state(self, state);
    } else {
        log_info("cpu {}: no vCPU", self);
    }
    log_info("back trace of cpu {}, which reports:", self);
    log_backtrace(LogLevel::info, collect_backtrace(reinterpret_cast<uint64_t>(__builtin_return_address(0)),
                                                    *static_cast<const uint64_t *>(__builtin_frame_address(0))));
}

}  // namespace

void log_all_cpus() {
    log_this_cpu();
    const CpuSet others = online_cpus() - CpuSet::of(this_cpu().id);
    asked.store(others.raw(), std::memory_order_seq_cst);
    others.for_each([](CpuId other) { send_nmi(other); });
    for (uint64_t poll = 0; poll < patience && asked.load(std::memory_order_acquire) != 0; ++poll) {
        relax();
    }
    // Who has not answered by now must not begin to.
    const CpuSet silent{asked.exchange(0, std::memory_order_acq_rel)};
    others.for_each([silent](CpuId other) {
        if (silent.contains(other)) {
            log_info("cpu {}: does not answer", other);
        } else {
            log_state(other, states[other.raw()]);
        }
    });
}

bool answer_state_request(const EntryFrame &registers) {
    const CpuId self = this_cpu().id;
    if (!CpuSet{asked.load(std::memory_order_acquire)}.contains(self)) {
        return false;
    }
    fill(states[self.raw()], registers);
    asked.fetch_and(~CpuSet::of(self).raw(), std::memory_order_release);
    return true;
}

}  // namespace ringfold
