// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/run_queue.hpp"

#include <algorithm>

namespace ringfold {

namespace {

uint64_t after(uint64_t time, uint64_t duration) { return time + std::min(duration, UINT64_MAX - time); }

}  // namespace

bool RunQueue::add(ScheduleEntry &entry, bool wakes_up, uint64_t now) {
    charge(now);
    if (wakes_up) {
        ready_.limit_claim(entry, running_);
    }
    ready_.insert(entry);
    if (running_ != nullptr && wakes_up && running_->virtual_time > entry.virtual_time + policy::wake_margin) {
        must_give_way_ = true;
        // Before one with a better claim that is here for balance, and would run for a whole slice.
        favourite_ = favourite_ == nullptr ? &entry : favourite_;
    }
    return running_ == nullptr || next_deadline() < armed_;
}

void RunQueue::take_out(ScheduleEntry &entry) {
    ready_.remove(entry);
    if (favourite_ == &entry) {
        favourite_ = nullptr;
    }
}

void RunQueue::withdraw(ScheduleEntry &entry) {
    if (entry.is_waiting()) {
        take_out(entry);
    }
    if (entry.parked) {
        entry.parked = false;
        timers_.set(entry.wait_timer, 0);
    }
}

void RunQueue::detach(ScheduleEntry &entry) {
    withdraw(entry);
    timers_.unlink(entry.timer);
    timers_.unlink(entry.wait_timer);
    timers_.unlink(entry.watchdog);
    entry.virtual_time = ready_.to_pool(entry.virtual_time);
}

void RunQueue::attach(ScheduleEntry &entry) {
    entry.virtual_time = ready_.from_pool(entry.virtual_time);
    timers_.link(entry.timer);
    timers_.link(entry.wait_timer);
    timers_.link(entry.watchdog);
}

void RunQueue::charge(uint64_t now) {
    if (running_ == nullptr) {
        ready_.raise_level(nullptr);
        return;
    }
    if (now > charged_until_) {
        const uint64_t ran = now - charged_until_;
        running_->virtual_time = running_->virtual_time + VirtualDuration::of_run(ran, running_->weight());
        running_->domain.bandwidth.charge(ran, now);
        charged_until_ = now;
    }
    ready_.raise_level(running_);
}

bool RunQueue::must_wait(const ScheduleEntry &entry, uint64_t now) {
    return entry.domain.standstill.is_on() || entry.domain.bandwidth.is_exhausted(now);
}

// Of one that is paused no timer is needed: whoever ends the pause makes it ready.
void RunQueue::park(ScheduleEntry &entry) {
    entry.parked = true;
    if (!entry.domain.standstill.is_on()) {
        timers_.set(entry.wait_timer, entry.domain.bandwidth.release_time());
    }
}

// Takes the best of those that wait out of the queue, parking those that must wait longer. Null if the one that runs is
// to go on.
ScheduleEntry *RunQueue::take_best(Now current, uint64_t now) {
    ScheduleEntry *const wanted = std::exchange(favourite_, nullptr);
    if (wanted != nullptr && wanted->virtual_time - policy::longest_lead <= ready_.first()->virtual_time &&
        !must_wait(*wanted, now)) {
        take_out(*wanted);
        return wanted;
    }
    while (ScheduleEntry *const best = ready_.first()) {
        if (running_ != nullptr && current == Now::goes_on && best->virtual_time >= running_->virtual_time) {
            return nullptr;
        }
        take_out(*best);
        if (!must_wait(*best, now)) {
            return best;
        }
        park(*best);
    }
    return nullptr;
}

ScheduleEntry *RunQueue::choose(Now current, uint64_t now) {
    charge(now);
    if (running_ != nullptr && current != Now::leaves && must_wait(*running_, now)) {
        park(*running_);
        current = Now::leaves;
    }
    if (current == Now::leaves) {
        running_ = nullptr;
    }
    if (running_ != nullptr && current == Now::goes_on && !slice_is_over(now)) {
        return running_;
    }
    ScheduleEntry *const best = take_best(current, now);
    if (best != nullptr) {
        if (running_ != nullptr) {
            ready_.insert(*running_);
        }
        running_ = best;
        charged_until_ = now;
    }
    slice_start_ = now;
    may_offer_ = true;
    must_give_way_ = false;
    cap_end_ = running_ == nullptr ? UINT64_MAX : after(now, running_->domain.bandwidth.allowance(now));
    ready_.raise_level(running_);
    return running_;
}

void RunQueue::drop_running(uint64_t now) {
    charge(now);
    running_ = nullptr;
}

VirtualTime RunQueue::best_claim(Now current) const {
    VirtualTime best = VirtualTime::never();
    if (!ready_.empty()) {
        best = ready_.first()->virtual_time;
    }
    if (running_ != nullptr && current != Now::leaves) {
        best = std::min(best, running_->virtual_time);
    }
    return best == VirtualTime::never() ? best : ready_.to_pool(best);
}

uint64_t RunQueue::slice_end() const {
    if (running_ == nullptr) {
        return ready_.empty() ? UINT64_MAX : 0;
    }
    uint64_t end = cap_end_;
    if (must_give_way_) {
        end = std::min(end, after(slice_start_, policy::shortest_run));
    } else if (!ready_.empty()) {
        end = std::min(end, after(slice_start_, policy::slice(ready_.size())));
    }
    return end;
}

uint64_t RunQueue::next_deadline() const {
    return std::min(timers_.next_deadline(), running_ == nullptr ? UINT64_MAX : slice_end());
}

void RunQueue::publish(CpuLoad &load) const {
    load.waiting.store(ready_.size(), std::memory_order_relaxed);
    load.best_claim.store(
        ready_.empty() ? VirtualTime::never().raw() : ready_.to_pool(ready_.first()->virtual_time).raw(),
        std::memory_order_relaxed);
    if (running_ == nullptr) {
        load.running_since.store(0, std::memory_order_relaxed);
        return;
    }
    load.running_claim.store(ready_.to_pool(running_->virtual_time).raw(), std::memory_order_relaxed);
    load.running_weight.store(running_->weight().raw(), std::memory_order_relaxed);
    load.running_since.store(std::max<uint64_t>(charged_until_, 1), std::memory_order_relaxed);
}

}  // namespace ringfold
