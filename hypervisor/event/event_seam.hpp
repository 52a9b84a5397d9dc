// SPDX-License-Identifier: Apache-2.0
//
// All that event channels ask of domains and vCPUs. machine.cpp implements it; tests/unit implements it for the host.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>

namespace ringfold {
class EventDomain;
struct EventVcpu;
}  // namespace ringfold

namespace ringfold::event_machine {

// Keeps the domain of `events` from being freed. The caller refers to it, or runs it.
void refer(EventDomain &events);
// May free the domain: with no lock held.
void unrefer(EventDomain &events);

// The vCPU's upcall_pending was set, or a port that it polls became pending: wakes it if it waits, interrupts it if it
// runs. Called with the domain's event lock held.
void wake(EventVcpu &vcpu);

// The processor that is to take the interrupts of a device whose port this vCPU serves.
[[nodiscard]] CpuId processor_of(const EventVcpu &vcpu);

// How the trace names it.
[[nodiscard]] uint64_t traced_name_of(const EventVcpu &vcpu);

}  // namespace ringfold::event_machine
