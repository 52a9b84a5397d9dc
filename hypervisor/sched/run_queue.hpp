// SPDX-License-Identifier: Apache-2.0
//
// The vCPUs of one physical CPU: those that wait for it, first come first served, and those with a timer armed. Pure
// lists; the scheduler holds the lock.
#pragma once

#include "hypervisor/domain/vcpu.hpp"

#include <cstdint>

namespace ringfold {

class RunQueue {
  public:
    [[nodiscard]] bool empty() const { return head_ == nullptr; }

    // `vcpu` is in no queue.
    void append(Vcpu &vcpu) {
        vcpu.schedule.next = nullptr;
        if (head_ == nullptr) {
            head_ = &vcpu;
        } else {
            tail_->schedule.next = &vcpu;
        }
        tail_ = &vcpu;
    }

    // The one that waited longest, or null.
    Vcpu *take_first() {
        Vcpu *const first = head_;
        if (first != nullptr) {
            head_ = first->schedule.next;
            first->schedule.next = nullptr;
        }
        return first;
    }

    // Takes `vcpu` out if it waits here.
    void remove(Vcpu &vcpu) {
        Vcpu *previous = nullptr;
        for (Vcpu *entry = head_; entry != nullptr; previous = entry, entry = entry->schedule.next) {
            if (entry != &vcpu) {
                continue;
            }
            (previous == nullptr ? head_ : previous->schedule.next) = vcpu.schedule.next;
            if (tail_ == &vcpu) {
                tail_ = previous;
            }
            vcpu.schedule.next = nullptr;
            return;
        }
    }

    // Arms, moves or (deadline 0) disarms the timer of `vcpu`; ns of system time.
    void set_timer(Vcpu &vcpu, uint64_t deadline) {
        if (vcpu.schedule.timer_deadline != 0) {
            unlink_timer(vcpu);
        }
        vcpu.schedule.timer_deadline = deadline;
        if (deadline != 0) {
            Vcpu **link = &timers_;
            while (*link != nullptr && (*link)->schedule.timer_deadline <= deadline) {
                link = &(*link)->schedule.next_timer;
            }
            vcpu.schedule.next_timer = *link;
            *link = &vcpu;
        }
    }

    // A vCPU whose deadline is at or before `now`, disarmed; null if there is none.
    Vcpu *take_expired(uint64_t now) {
        Vcpu *const first = timers_;
        if (first == nullptr || first->schedule.timer_deadline > now) {
            return nullptr;
        }
        timers_ = first->schedule.next_timer;
        first->schedule.next_timer = nullptr;
        first->schedule.timer_deadline = 0;
        return first;
    }

    // The earliest deadline; 0 if no timer is armed.
    [[nodiscard]] uint64_t next_deadline() const { return timers_ == nullptr ? 0 : timers_->schedule.timer_deadline; }

  private:
    void unlink_timer(Vcpu &vcpu) {
        for (Vcpu **link = &timers_; *link != nullptr; link = &(*link)->schedule.next_timer) {
            if (*link == &vcpu) {
                *link = vcpu.schedule.next_timer;
                vcpu.schedule.next_timer = nullptr;
                return;
            }
        }
    }

    Vcpu *head_ = nullptr;
    Vcpu *tail_ = nullptr;
    Vcpu *timers_ = nullptr;  // by deadline
};

}  // namespace ringfold
