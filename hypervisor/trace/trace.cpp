// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/trace/trace.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/trace/rings.hpp"

namespace ringfold::trace {

constinit std::array<std::atomic<Ring *>, max_cpus> rings{};
constinit std::atomic<bool> has_grown = false;

void write(uint32_t event, uint64_t first, uint64_t second) {
    Ring *const ring = rings[this_cpu().id.raw()].load(std::memory_order_acquire);
    if (ring == nullptr) {
        return;
    }
    const Vcpu *const vcpu = this_cpu().guest.current;
    const bool half_full = ring->write({.tsc = read_tsc(),
                                        .event = event,
                                        .domain = vcpu != nullptr ? vcpu->domain.id.raw() : uint16_t{0},
                                        .vcpu = vcpu != nullptr ? vcpu->id.raw() : uint16_t{0},
                                        .argument = {first, second}});
    if (half_full) {
        has_grown.store(true, std::memory_order_relaxed);
        // So that this visit ends the long way, where somebody is told.
        this_cpu().guest.reschedule.store(true, std::memory_order_relaxed);
    }
}

}  // namespace ringfold::trace
