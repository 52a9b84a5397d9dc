// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/gate/debug_exception.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/vcpu.hpp"
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

}  // namespace

void handle_guest_debug_exception(Vcpu &vcpu) {
    count_one(&Counts::debug_exceptions);
    vcpu.page->dr6 = DebugStatus::delivered(take_status(), std::exchange(vcpu.debug.absorbed_status, 0));
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
