// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/topology.hpp"

#include <atomic>

namespace ringfold {
namespace {

constinit BoundedList<ProcessorEntry, cpu_set_capacity> processors{};
constinit std::atomic<uint64_t> online{0};

}  // namespace

Result<void> number_cpus(const Madt &madt, uint32_t boot_apic_id) {
    BoundedList<ProcessorEntry, cpu_set_capacity> numbered;
    for (const ProcessorEntry &entry : madt.processors) {
        if (entry.apic_id == boot_apic_id && !numbered.append(entry)) {
            return Error::limit_reached;
        }
    }
    if (numbered.size() != 1) {
        return Error::malformed;
    }
    for (const ProcessorEntry &entry : madt.processors) {
        if (entry.apic_id != boot_apic_id && !numbered.append(entry)) {
            return Error::limit_reached;
        }
    }
    processors = numbered;
    return {};
}

unsigned cpu_count() { return static_cast<unsigned>(processors.size()); }

uint32_t apic_id_of(CpuId cpu) { return processors[cpu.raw()].apic_id; }

// Acquire pairs with the release below: who sees a CPU online sees all that it set up.
CpuSet online_cpus() { return CpuSet{online.load(std::memory_order_acquire)}; }

void set_online(CpuId cpu) { online.fetch_or(CpuSet::of(cpu).raw(), std::memory_order_release); }

}  // namespace ringfold
