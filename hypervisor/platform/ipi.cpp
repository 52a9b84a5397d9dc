// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/ipi.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/platform/local_apic.hpp"

namespace ringfold {

void send_ipi(CpuId target, uint8_t vector) { send_interrupt_command({.vector = vector}, apic_id_of(target)); }

void send_nmi(CpuId target) { send_interrupt_command({.mode = DeliveryMode::nmi}, apic_id_of(target)); }

// One by one rather than by shorthand: a processor that was left out of use must stay untouched.
void send_nmi_to_all_others() {
    if (online_cpus().empty()) {
        return;
    }
    const CpuSet others = online_cpus() - CpuSet::of(this_cpu().id);
    others.for_each([](CpuId target) { send_nmi(target); });
}

}  // namespace ringfold
