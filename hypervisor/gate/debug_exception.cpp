// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/gate/debug_exception.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/pause.hpp"
#include "hypervisor/event/machine_irq.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/platform/vectors.hpp"

#include <utility>

namespace ringfold {

namespace {

// The processor sets bits of DR6 and never clears them.
uint64_t take_status() {
    const uint64_t status = read_debug_register<6>();
    write_debug_register<6>(DebugStatus::reset);
    return status;
}

// False: it cannot be paused, since it ends or is paused too often.
bool stop_for_debugger(Vcpu &vcpu, uint64_t status) {
    if (!pause(vcpu.domain).ok()) {
        return false;
    }
    // Nobody reads it before the vCPU is off this CPU, at the end of the visit.
    vcpu.debug.stop_status = static_cast<uint32_t>(status);
    raise_machine_irq(VirtualIrq::domain_state);
    return true;
}

}  // namespace

void handle_guest_debug_exception(Vcpu &vcpu) {
    count_one(&Counts::debug_exceptions);
    const uint64_t status = DebugStatus::delivered(take_status(), std::exchange(vcpu.debug.absorbed_status, 0));
    if (vcpu.domain.is_debugged.load(std::memory_order_relaxed) && stop_for_debugger(vcpu, status)) {
        return;
    }
    vcpu.page->dr6 = status;
    vcpu.pending_exception = {.vector = vector_debug, .error = 0};
    vcpu.has_pending_exception = true;
}

void absorb_debug_exception(const EntryFrame &registers) {
    Vcpu *const vcpu = this_cpu().guest.current;
    if (!in_gate_text(registers.rip) || vcpu == nullptr) {
        panic_with(registers, "debug exception in the hypervisor, DR6 {:#x}", read_debug_register<6>());
    }
    count_one(&Counts::debug_exceptions);
    vcpu->debug.absorbed_status |= DebugStatus::absorbed(take_status());
}

}  // namespace ringfold
