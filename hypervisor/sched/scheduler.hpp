// SPDX-License-Identifier: Apache-2.0
//
// Which vCPU a physical CPU runs: the policy (run_queue.hpp, dispatch.hpp) with states of vCPUs, timers and the
// machine. docs/scheduler.md describes it. Tickless: a timer interrupt comes only for the end of a slice that somebody
// waits for, for a cap, and for timers of vCPUs.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold::scheduler {

// --- from offline and back

// An offline vCPU becomes the caller's to set up: nobody else can start it until start() or cancel(). already_exists:
// it is not offline; busy: its pool is one to one, and has no CPU left.
[[nodiscard]] Result<void> reserve(Vcpu &vcpu);
void cancel(Vcpu &vcpu);
// The reserved vCPU is complete: it may run from now on.
void start(Vcpu &vcpu);
[[nodiscard]] VcpuState state_of(const Vcpu &vcpu);

// --- getting a vCPU's attention

// Sets upcall_pending; interrupts the vCPU if it runs, wakes it if it blocks. False if it is offline.
[[nodiscard]] bool notify(Vcpu &vcpu);
// The same, but for the flag, which the caller has set if it wants to.
bool wake(Vcpu &vcpu);
// Asks every CPU that has a vCPU of `domain` to look at it again.
void interrupt_domain(Domain &domain);

// ns that its vCPUs, all together, have run.
[[nodiscard]] uint64_t run_time_of(const Domain &domain);

// --- standstill (DomainSchedule::standstill)

// It has begun: makes the vCPUs that run stop.
void hold_domain(Domain &domain);
// True: no vCPU is on a CPU any more, and until the standstill ends none will be. What they were is in memory.
[[nodiscard]] bool has_stopped(const Domain &domain);
[[nodiscard]] bool has_stopped(const Vcpu &vcpu);
// It has ended: those that were held back wait for a CPU again.
void resume_domain(Domain &domain);

// --- a domain's watchdog: it is shut down when that runs out

// In system time; 0: none. Gives the deadline there was; 0: there was none, or it is over.
uint64_t set_watchdog(Domain &domain, uint64_t deadline);
// The CPU where it runs or ran last: a hint.
[[nodiscard]] CpuId home_of(const Vcpu &vcpu);

// --- for the vCPU that runs here: the effect is at the end of the visit

void yield();
// Yields, to `target` of the same domain if it waits for a CPU, may run on this one and is not too far ahead of the
// others that wait for it. True if it will run next.
[[nodiscard]] bool yield_to(Vcpu &target);
// Blocks, unless an upcall is pending, until notified or woken, or until system time `deadline`.
inline constexpr uint64_t no_deadline = UINT64_MAX;
void block(uint64_t deadline = no_deadline);
// Waiting for something else: begin_wait(), look whether it is there, and if not, wait_until(). It blocks unless the
// vCPU was notified or woken since begin_wait(), so nothing that came after the look is missed.
void begin_wait();
void wait_until(uint64_t deadline);
void stop();  // goes offline
// The guest's one-shot timer, in system time; 0: none.
void set_timer(uint64_t deadline);

// --- from the machine

// The timer interrupt of this CPU.
void handle_timer();

// The end of a visit: switches to the vCPU that is to run, waiting for one if need be. `frame` is the interrupted
// guest's registers on entry, those of the vCPU to run on return. Afterwards GuestCpu::current is not null.
void choose(EntryFrame &frame);

}  // namespace ringfold::scheduler
