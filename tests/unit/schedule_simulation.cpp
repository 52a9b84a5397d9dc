// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/schedule_simulation.hpp"

#include <algorithm>

namespace ringfold::simulation {

Task &Simulation::add(const TaskParameters &parameters, uint64_t begin) {
    tasks_.push_back(std::make_unique<Task>(static_cast<unsigned>(tasks_.size()), parameters));
    Task &task = *tasks_.back();
    task.on_cpu.resize(cpus_);
    scheduling_->add(task, domains_.at(parameters.domain));
    wake_ups_.push({begin, &task});
    return task;
}

uint64_t Simulation::next_event() const {
    uint64_t next = wake_ups_.empty() ? UINT64_MAX : wake_ups_.top().time;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
        next = std::min(next, scheduling_->deadline(cpu));
        const Task *const task = scheduling_->running(cpu);
        if (task != nullptr && task->parameters.behaviour.run != 0) {
            next = std::min(next, now_ + task->remaining);
        }
    }
    return next;
}

void Simulation::advance(uint64_t to) {
    const uint64_t passed = to > now_ ? to - now_ : 0;
    unsigned busy = 0;
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
        Task *const task = scheduling_->running(cpu);
        if (task == nullptr) {
            continue;
        }
        ++busy;
        task->service += passed;
        task->on_cpu[cpu] += passed;
        task->remaining -= std::min(task->remaining, passed);
        task->forbidden += ((task->parameters.affinity >> cpu) & 1) != 0 ? 0 : passed;
        task->last_run = to;
    }
    // With any affinity; scenarios that ask have none.
    idle_while_waiting_ += (std::min(cpus_, runnable_) - std::min(busy, std::min(cpus_, runnable_))) * passed;
    now_ = std::max(now_, to);
}

void Simulation::end_runs() {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
        Task *const task = scheduling_->running(cpu);
        if (task != nullptr && task->parameters.behaviour.run != 0 && task->remaining == 0) {
            --runnable_;
            scheduling_->block(*task, cpu, now_);
            note_running();
            wake_ups_.push({std::max(task->next_begin, now_), task});
        }
    }
}

void Simulation::interrupt_cpus() {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
        if (scheduling_->deadline(cpu) <= now_) {
            ++interrupts_;
            scheduling_->interrupt(cpu, now_);
            note_running();
        }
    }
}

void Simulation::wake_up() {
    while (!wake_ups_.empty() && wake_ups_.top().time <= now_) {
        Task &task = *wake_ups_.top().task;
        wake_ups_.pop();
        const Behaviour &behaviour = task.parameters.behaviour;
        task.remaining = behaviour.run;
        task.next_begin = now_ + behaviour.period;
        task.waits_since = std::max<uint64_t>(now_, 1);
        task.last_run = now_;
        ++runnable_;
        scheduling_->wake(task, now_);
        note_running();
    }
}

void Simulation::note_running() {
    for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
        Task *const task = scheduling_->running(cpu);
        if (task != nullptr && task != before_[cpu]) {
            ++switches_;
            task->longest_wait = std::max(task->longest_wait, now_ - task->last_run);
        }
        before_[cpu] = task;
        if (task != nullptr && task->waits_since != 0) {
            const uint64_t latency = now_ - std::min(now_, task->waits_since);
            task->worst_latency = std::max(task->worst_latency, latency);
            task->total_latency += latency;
            ++task->wake_ups;
            task->waits_since = 0;
        }
    }
}

void Simulation::run_until(uint64_t end) {
    while (now_ < end) {
        advance(std::min(end, next_event()));
        end_runs();
        interrupt_cpus();
        wake_up();
    }
}

uint64_t Simulation::service_of(unsigned domain) const {
    uint64_t service = 0;
    for (const auto &task : tasks_) {
        service += task->parameters.domain == domain ? task->service : 0;
    }
    return service;
}

void Simulation::reset_counts() {
    for (const auto &task : tasks_) {
        task->service = task->worst_latency = task->total_latency = task->wake_ups = task->longest_wait = 0;
        std::fill(task->on_cpu.begin(), task->on_cpu.end(), 0);
    }
    switches_ = interrupts_ = idle_while_waiting_ = 0;
    begin_ = now_;
}

}  // namespace ringfold::simulation
