// SPDX-License-Identifier: Apache-2.0
//
// The schedule of one physical CPU: who runs, who waits, whose timers are armed. Pure: time is passed in, and states of
// vCPUs, locks and the machine are the caller's (scheduler.cpp; in unit tests, a simulation).
#pragma once

#include "hypervisor/sched/cpu_load.hpp"
#include "hypervisor/sched/ready_queue.hpp"
#include "hypervisor/sched/schedule_entry.hpp"
#include "hypervisor/sched/timer_queue.hpp"

#include <cstdint>
#include <utility>

namespace ringfold {

class RunQueue {
  public:
    [[nodiscard]] ScheduleEntry *running() const { return running_; }
    [[nodiscard]] const ReadyQueue &waiting() const { return ready_; }
    [[nodiscard]] TimerQueue &timers() { return timers_; }

    // --- vCPUs come and go

    // What a vCPU that was blocked may claim: before its pool_claim() is looked at.
    void begin_wake(ScheduleEntry &entry) const { ready_.limit_claim(entry, running_); }
    // A vCPU whose home is this CPU, and which is in no queue, waits from now on. `wakes_up`: it was not waiting
    // before. True: the CPU must look again, or its timer comes too late for it.
    [[nodiscard]] bool add(ScheduleEntry &entry, bool wakes_up, uint64_t now);
    // It waits no longer: it is not in the ready queue and not parked.
    void withdraw(ScheduleEntry &entry);

    // Takes a vCPU that does not run, and its timers, off this CPU: its virtual time is then the pool's.
    void detach(ScheduleEntry &entry);
    // The other half, at its new home. It waits for nothing yet: add() may follow.
    void attach(ScheduleEntry &entry);

    // --- who runs

    enum class Now : uint8_t { goes_on, yields, leaves };
    // Chooses who runs from `now` on, null if nobody can. `current` says what the one that runs (if any) is about: one
    // that goes on or yields and is not chosen waits; one that leaves is in no queue afterwards.
    ScheduleEntry *choose(Now current, uint64_t now);
    // The one that choose() gave cannot run after all.
    void drop_running(uint64_t now);
    // `entry`, which waits here, is to run next; but by longest_lead at most before those with a better claim.
    void prefer(ScheduleEntry &entry) { favourite_ = &entry; }

    // Somebody woke up here and is to run at once.
    [[nodiscard]] bool must_give_way() const { return must_give_way_; }
    // True once for each slice: whoever waits may be offered to other CPUs. More often, two CPUs that cannot help each
    // other would do nothing but ask.
    [[nodiscard]] bool take_offer() { return std::exchange(may_offer_, false); }
    // Whoever runs is chosen anew at the next choose(): its parameters changed.
    void end_slice() { cap_end_ = 0; }

    // The claim of whom choose() would let run now, after catch_up(), as the pool counts; never() if nobody.
    [[nodiscard]] VirtualTime best_claim(Now current) const;

    // --- time

    // When choose() is due again, or a timer: UINT64_MAX if neither. Tickless: a vCPU that nobody waits for runs on.
    // Whoever calls arm() makes the CPU's timer come then.
    [[nodiscard]] uint64_t arm() { return armed_ = next_deadline(); }
    [[nodiscard]] uint64_t armed() const { return armed_; }
    [[nodiscard]] bool slice_is_over(uint64_t now) const { return now >= slice_end(); }

    // No vCPU of this CPU may have more claim than longest_memory before the pool.
    void catch_up(VirtualTime pool, uint64_t now) {
        charge(now);
        ready_.catch_up(pool);
    }
    [[nodiscard]] VirtualTime level() const { return ready_.pool_level(); }  // as the pool counts
    void publish(CpuLoad &load) const;
    [[nodiscard]] VirtualTime pool_claim(const ScheduleEntry &entry) const {
        return ready_.to_pool(entry.virtual_time);
    }

  private:
    void charge(uint64_t now);
    [[nodiscard]] static bool must_wait(const ScheduleEntry &entry, uint64_t now);
    void take_out(ScheduleEntry &entry);
    void park(ScheduleEntry &entry);
    ScheduleEntry *take_best(Now current, uint64_t now);
    [[nodiscard]] uint64_t slice_end() const;
    [[nodiscard]] uint64_t next_deadline() const;

    ReadyQueue ready_;
    TimerQueue timers_;
    ScheduleEntry *running_ = nullptr;
    ScheduleEntry *favourite_ = nullptr;  // one that waits
    uint64_t charged_until_ = 0;          // ns of system time, of the one that runs
    uint64_t slice_start_ = 0;
    uint64_t cap_end_ = UINT64_MAX;  // when its domain's cap is to be looked at
    uint64_t armed_ = UINT64_MAX;    // what the CPU's timer was told
    bool may_offer_ = false;
    bool must_give_way_ = false;  // to one that woke up
};

}  // namespace ringfold
