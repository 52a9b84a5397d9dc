// SPDX-License-Identifier: Apache-2.0
//
// The armed timers of one CPU, by deadline. Knows no lock.
#pragma once

#include "hypervisor/lib/ordered_tree.hpp"

#include <cstdint>

namespace ringfold {

struct ScheduleEntry;

struct Timer : OrderedNode<struct TimerTag> {
    explicit Timer(ScheduleEntry &entry) : owner(entry) {}

    ScheduleEntry &owner;
    uint64_t deadline = 0;  // ns of system time; 0: not armed
};

class TimerQueue {
  public:
    // Arms, moves or (deadline 0) disarms it. It is in this queue or in none.
    void set(Timer &timer, uint64_t deadline) {
        unlink(timer);
        timer.deadline = deadline;
        link(timer);
    }

    // An armed timer moves to another queue: out of this one, and into that one with its deadline as it was.
    void unlink(Timer &timer) {
        if (timer.in_tree()) {
            timers_.remove(timer);
        }
    }
    void link(Timer &timer) {
        if (timer.deadline != 0) {
            timers_.insert(timer);
        }
    }

    // One whose deadline is at or before `now`, disarmed; null if there is none.
    Timer *take_expired(uint64_t now) {
        Timer *const first = timers_.first();
        if (first == nullptr || first->deadline > now) {
            return nullptr;
        }
        timers_.remove(*first);
        first->deadline = 0;
        return first;
    }

    // The earliest deadline; UINT64_MAX if no timer is armed.
    [[nodiscard]] uint64_t next_deadline() const {
        const Timer *const first = timers_.first();
        return first == nullptr ? UINT64_MAX : first->deadline;
    }

  private:
    struct Earlier {
        bool operator()(const Timer &a, const Timer &b) const { return a.deadline < b.deadline; }
    };
    OrderedTree<Timer, TimerTag, Earlier> timers_;
};

}  // namespace ringfold
