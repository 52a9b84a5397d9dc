// SPDX-License-Identifier: Apache-2.0
//
// Which vCPU a physical CPU runs. Each vCPU has a home CPU; the vCPUs of a CPU take turns of `time_slice`, a waking one
// waits at the end of the queue. Tickless: a timer interrupt comes only for the end of a slice that somebody waits for,
// and for vCPU timers.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold::scheduler {

inline constexpr uint64_t time_slice = 10'000'000;  // ns

// An offline vCPU becomes the caller's to set up: nobody else can start it until start() or cancel(). already_exists:
// it is not offline.
[[nodiscard]] Result<void> reserve(Vcpu &vcpu);
void cancel(Vcpu &vcpu);
// The reserved vCPU is complete: it may run from now on.
void start(Vcpu &vcpu);

[[nodiscard]] VcpuState state_of(const Vcpu &vcpu);

// Sets upcall_pending; interrupts the vCPU if it runs, wakes it if it blocks. False if it is offline.
[[nodiscard]] bool notify(Vcpu &vcpu);

// Asks every CPU that has a vCPU of `domain` to look at it again.
void interrupt_domain(const Domain &domain);

// For the vCPU that runs here: the effect is at the end of the visit.
void yield();
void block();  // unless an upcall is pending
void stop();   // goes offline
void set_timer(uint64_t deadline);

// The timer interrupt of this CPU.
void handle_timer();

// The end of a visit: switches to the vCPU that is to run, waiting for one if need be. `frame` is the interrupted
// guest's registers on entry, those of the vCPU to run on return. Afterwards GuestCpu::current is not null.
void choose(EntryFrame &frame);

}  // namespace ringfold::scheduler
