// SPDX-License-Identifier: Apache-2.0
//
// The vCPUs that wait for one CPU, by virtual time. Pure: knows neither lock nor clock.
//
// The queue has a level: no vCPU that is to run here has waited with less virtual time, and it only rises. Where vCPUs
// cannot move freely (affinity, a weight that is worth more than a whole CPU), the levels of two CPUs drift apart for
// good reason, or for one that is long gone. So a queue counts virtual times from an offset of its own, and catch_up()
// moves it by that, when its level lags too far behind the pool's. What vCPUs of one queue owe one another stays.
#pragma once

#include "hypervisor/lib/ordered_tree.hpp"
#include "hypervisor/sched/policy.hpp"
#include "hypervisor/sched/schedule_entry.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <algorithm>

namespace ringfold {

class ReadyQueue {
  public:
    [[nodiscard]] bool empty() const { return waiting_.empty(); }
    [[nodiscard]] uint32_t size() const { return waiting_.size(); }
    // The best claim; null if nobody waits.
    [[nodiscard]] ScheduleEntry *first() const { return waiting_.first(); }
    [[nodiscard]] ScheduleEntry *next(const ScheduleEntry &entry) const { return waiting_.next(entry); }

    void insert(ScheduleEntry &entry) { waiting_.insert(entry); }
    void remove(ScheduleEntry &entry) { waiting_.remove(entry); }

    // What a vCPU that was blocked may claim when it wakes up here, beside the one that runs (null: none). That one may
    // be below the level, if it came from a CPU with a lower one.
    void limit_claim(ScheduleEntry &entry, const ScheduleEntry *running) const {
        VirtualTime reference = level_;
        if (running != nullptr) {
            reference = std::clamp(running->virtual_time, level_ - policy::longest_memory, level_);
        }
        entry.virtual_time = std::max(entry.virtual_time, reference - policy::sleeper_bonus);
    }

    // The level follows those that wait and the one that runs (null: none).
    void raise_level(const ScheduleEntry *running) {
        VirtualTime lowest = VirtualTime::never();
        if (running != nullptr) {
            lowest = running->virtual_time;
        }
        if (!waiting_.empty()) {
            lowest = std::min(lowest, waiting_.first()->virtual_time);
        }
        if (lowest != VirtualTime::never()) {
            level_ = std::max(level_, lowest);
        }
    }

    [[nodiscard]] VirtualTime pool_level() const { return to_pool(level_); }
    void catch_up(VirtualTime pool) {
        const VirtualDuration behind = pool - policy::longest_memory - pool_level();
        if (behind > VirtualDuration{}) {
            offset_ = VirtualDuration{offset_.raw() + behind.raw()};
        }
    }

    // Between this queue's virtual time and the pool's.
    [[nodiscard]] VirtualTime to_pool(VirtualTime here) const { return here + offset_; }
    [[nodiscard]] VirtualTime from_pool(VirtualTime pool) const { return pool - offset_; }

  private:
    struct BetterClaim {
        bool operator()(const ScheduleEntry &a, const ScheduleEntry &b) const {
            return a.virtual_time < b.virtual_time;
        }
    };
    OrderedTree<ScheduleEntry, ReadyTag, BetterClaim> waiting_;
    VirtualTime level_{};
    VirtualDuration offset_{};
};

}  // namespace ringfold
