// SPDX-License-Identifier: Apache-2.0
//
// The end of a visit to the hypervisor: which vCPU this CPU runs next.
#include "hypervisor/cpu/idle.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/domain/reaper.hpp"
#include "hypervisor/domain/vcpu_switch.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/ownership.hpp"
#include "hypervisor/sched/processors.hpp"
#include "hypervisor/sched/run_state.hpp"
#include "hypervisor/sched/scheduler.hpp"
#include "hypervisor/sched/timer_arming.hpp"

#include <atomic>

namespace ringfold::scheduler {

namespace {

constinit Processors processors;

bool is_ending(const Vcpu &vcpu) { return vcpu.domain.ending.load(std::memory_order_acquire); }

// One look of this CPU at what it is to run.
class Choice {
  public:
    explicit Choice(GuestCpu &guest) : guest_(guest), previous_(guest.current) {}

    // Chooses, switches, and sees to whom the switch concerns. Null: there is nobody to run.
    Vcpu *make(EntryFrame &frame);

  private:
    [[nodiscard]] RunQueue::Now what_previous_does() const;
    bool accept(RunQueue &queue, ScheduleEntry *next);
    void put_aside(RunQueue &queue);
    void end(RunQueue &queue, Vcpu &vcpu);
    void finish_previous();
    void finish_ended();

    GuestCpu &guest_;
    Vcpu *const previous_;
    const CpuId self_ = this_cpu().id;
    const uint64_t now_ = nanoseconds_since_boot();
    bool previous_stops_ = false;
    bool previous_moves_ = false;  // may not run here any longer
    Vcpu *ended_ = nullptr;        // those that went offline, linked by Vcpu::next_ended
};

RunQueue::Now Choice::what_previous_does() const {
    if (previous_ == nullptr || previous_->schedule.state != VcpuState::running || is_ending(*previous_) ||
        !dispatch::allowed(processors, previous_->schedule).contains(self_)) {
        return RunQueue::Now::leaves;
    }
    return guest_.yielding ? RunQueue::Now::yields : RunQueue::Now::goes_on;
}

// Under the lock: it ran, and does not now.
void Choice::put_aside(RunQueue &queue) {
    ScheduleEntry &entry = previous_->schedule;
    if (entry.state == VcpuState::running) {
        if (is_ending(*previous_)) {
            queue.timers().set(entry.timer, 0);
            set_state(*previous_, VcpuState::stopping, now_);
        } else {
            set_state(*previous_, VcpuState::runnable, now_);
            previous_moves_ = !entry.parked && !entry.is_waiting();
        }
    }
    previous_stops_ = entry.state == VcpuState::stopping;
}

// Under the lock: offline for good.
void Choice::end(RunQueue &queue, Vcpu &vcpu) {
    queue.timers().set(vcpu.schedule.timer, 0);
    set_state(vcpu, VcpuState::offline, now_);
    ownership::release(vcpu.schedule);
    vcpu.next_ended = ended_;
    ended_ = &vcpu;
}

bool Choice::accept(RunQueue &queue, ScheduleEntry *next) {
    if (previous_ != nullptr && next != &previous_->schedule) {
        put_aside(queue);
    }
    if (next != nullptr && is_ending(*next->vcpu)) {
        queue.drop_running(now_);
        end(queue, *next->vcpu);
        return false;
    }
    if (next != nullptr) {
        invariant(next->vcpu == previous_ || !next->on_cpu.load(std::memory_order_acquire),
                  "no other CPU has the registers of the vCPU that is to run");
        next->on_cpu.store(true, std::memory_order_relaxed);
        if (next->state != VcpuState::running) {
            set_state(*next->vcpu, VcpuState::running, now_);
        }
        if (!dispatch::allowed(processors, *next).contains(self_)) {
            guest_.reschedule.store(true, std::memory_order_relaxed);  // it must leave before it runs
        }
    }
    arm_for(queue);
    return true;
}

// Its registers are off this CPU: unless it stops or moves, it may run elsewhere by now, or be gone.
void Choice::finish_previous() {
    if (previous_stops_) {
        auto queue = Processors::lock(self_);
        end(*queue, *previous_);
    } else if (previous_moves_) {
        dispatch::make_ready(processors, previous_->schedule, now_);
    }
}

void Choice::finish_ended() {
    while (ended_ != nullptr) {
        Vcpu *const vcpu = ended_;
        ended_ = vcpu->next_ended;
        Domain &domain = vcpu->domain;
        if (domain.vcpus_online.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            finish_shutdown(domain);
        }
    }
}

Vcpu *Choice::make(EntryFrame &frame) {
    ScheduleEntry *const chosen =
        dispatch::reschedule(processors, self_, what_previous_does(), now_,
                             [this](RunQueue &queue, ScheduleEntry *next) { return accept(queue, next); });
    Vcpu *const next = chosen == nullptr ? nullptr : chosen->vcpu;
    guest_.yielding = false;
    if (next != previous_) {
        switch_vcpu(previous_, next, frame);
        if (previous_ != nullptr) {
            // Release pairs with the acquire of whoever takes it over: what was saved is seen.
            previous_->schedule.on_cpu.store(false, std::memory_order_release);
            finish_previous();
        }
    }
    finish_ended();
    dispatch::offer(processors, self_, now_);
    return next;
}

}  // namespace

void choose(EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    for (;;) {
        const bool asked = guest.reschedule.exchange(false, std::memory_order_seq_cst);
        if (!asked && guest.current != nullptr && guest.current->schedule.state == VcpuState::running) {
            return;
        }
        if (Choice{guest}.make(frame) != nullptr) {
            return;
        }
        if (reap_some()) {
            take_interrupts();
        } else {
            wait_for_interrupt();
        }
    }
}

}  // namespace ringfold::scheduler
