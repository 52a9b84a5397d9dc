// SPDX-License-Identifier: Apache-2.0
//
// The hypervisor's own policy in the simulation: what scheduler.cpp does, without locks, registers and guests.
#include "hypervisor/sched/dispatch.hpp"
#include "tests/unit/schedule_simulation.hpp"

#include <deque>

namespace ringfold::simulation {

namespace {

class VirtualTimeScheduling : public Scheduling {
  public:
    explicit VirtualTimeScheduling(unsigned cpus) : queues_(cpus), loads_(cpus), must_look_(cpus) {
        pool_.cpus.set(CpuSet{cpus == 64 ? ~uint64_t{0} : (uint64_t{1} << cpus) - 1});
        pool_.idle.set(pool_.cpus.get());
    }

    void add(Task &task, const DomainParameters &parameters) override {
        const unsigned number = task.parameters.domain;
        while (domains_.size() <= number) {
            domains_.emplace_back();
        }
        domains_[number].weight = parameters.weight;
        domains_[number].bandwidth.set_cap(parameters.cap);
        ScheduleEntry &entry = entries_.emplace_back(domains_[number], nullptr, cpu_id(task.parameters.cpu));
        entry.affinity.set(CpuSet{task.parameters.affinity});
        entry.preferred.set(CpuSet{task.parameters.preferred});
        entry.state = VcpuState::blocked;
        tasks_.push_back(&task);
    }

    void wake(Task &task, uint64_t now) override {
        now_ = now;
        ScheduleEntry &entry = entries_[task.number];
        entry.change_state(VcpuState::runnable, now);
        dispatch::make_ready(*this, entry, now);
        serve_kicks();
    }

    void block(Task &task, unsigned cpu, uint64_t now) override {
        now_ = now;
        queues_[cpu].drop_running(now);
        entries_[task.number].change_state(VcpuState::blocked, now);
        reschedule(cpu, RunQueue::Now::leaves);
        serve_kicks();
    }

    void yield(unsigned cpu, uint64_t now) override {
        now_ = now;
        reschedule(cpu, RunQueue::Now::yields);
        serve_kicks();
    }

    bool yield_to(unsigned cpu, Task &task, uint64_t now) override {
        now_ = now;
        const bool runs_next = dispatch::prefer(*this, cpu_id(cpu), entries_[task.number], now);
        yield(cpu, now);
        return runs_next;
    }

    void interrupt(unsigned cpu, uint64_t now) override {
        now_ = now;
        while (Timer *const timer = queues_[cpu].timers().take_expired(now)) {
            if (timer->owner.parked) {
                timer->owner.parked = false;
                dispatch::make_ready(*this, timer->owner, now);
            }
        }
        reschedule(cpu, RunQueue::Now::goes_on);
        serve_kicks();
    }

    [[nodiscard]] uint64_t deadline(unsigned cpu) const override { return queues_[cpu].armed(); }
    [[nodiscard]] Task *running(unsigned cpu) const override {
        const ScheduleEntry *const entry = queues_[cpu].running();
        for (std::size_t number = 0; entry != nullptr && number < entries_.size(); ++number) {
            if (&entries_[number] == entry) {
                return tasks_[number];
            }
        }
        return nullptr;
    }

    // What dispatch:: asks of a machine.
    RunQueue *lock(CpuId cpu) { return &queues_[cpu.raw()]; }
    CpuLoad &load_of(CpuId cpu) { return loads_[cpu.raw()]; }
    Pool &pool_of(const ScheduleEntry &) { return pool_; }
    Pool &pool_of(CpuId) { return pool_; }
    void kick(CpuId cpu) { must_look_[cpu.raw()] = true; }

  private:
    static CpuId cpu_id(unsigned cpu) { return CpuId{static_cast<uint16_t>(cpu)}; }

    void reschedule(unsigned cpu, RunQueue::Now current) {
        must_look_[cpu] = false;
        ScheduleEntry *const previous = queues_[cpu].running();
        dispatch::reschedule(*this, cpu_id(cpu), current, now_, [&](RunQueue &queue, ScheduleEntry *next) {
            if (previous != nullptr && previous != next) {
                previous->change_state(VcpuState::runnable, now_);
            }
            if (next != nullptr && next->state != VcpuState::running) {
                next->change_state(VcpuState::running, now_);
            }
            (void)queue.arm();
            return true;
        });
        dispatch::offer(*this, cpu_id(cpu), now_);
    }

    void serve_kicks() {
        for (bool any = true; any;) {
            any = false;
            for (unsigned cpu = 0; cpu < queues_.size(); ++cpu) {
                if (must_look_[cpu]) {
                    any = true;
                    reschedule(cpu, RunQueue::Now::goes_on);
                }
            }
        }
    }

    uint64_t now_ = 0;
    Pool pool_;
    std::deque<RunQueue> queues_;
    std::deque<CpuLoad> loads_;
    std::vector<bool> must_look_;
    std::deque<DomainSchedule> domains_;
    std::deque<ScheduleEntry> entries_;
    std::vector<Task *> tasks_;
};

static_assert(dispatch::Machine<VirtualTimeScheduling>);

}  // namespace

std::unique_ptr<Scheduling> virtual_time_scheduling(unsigned cpus) {
    return std::make_unique<VirtualTimeScheduling>(cpus);
}

}  // namespace ringfold::simulation
