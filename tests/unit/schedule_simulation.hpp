// SPDX-License-Identifier: Apache-2.0
//
// A discrete-event simulation of CPUs and vCPUs over a scheduler: the hypervisor's own policy (VirtualTimeScheduling
// runs its sources, as they are), or another one to compare with. Time is virtual; switches cost nothing.
#pragma once

#include "hypervisor/lib/units.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

namespace ringfold::simulation {

inline constexpr uint64_t microsecond = 1'000;
inline constexpr uint64_t millisecond = 1'000'000;
inline constexpr uint64_t second = 1'000'000'000;

struct DomainParameters {
    uint32_t weight = 256;
    uint32_t cap = 0;  // per cent of a CPU
};

// What a vCPU does: runs for `run`, then blocks until `period` after it last began. run 0: a hog, which never blocks.
struct Behaviour {
    uint64_t run = 0;
    uint64_t period = 0;
};

struct TaskParameters {
    unsigned domain = 0;
    Behaviour behaviour{};
    uint64_t affinity = ~uint64_t{0};
    uint64_t preferred = ~uint64_t{0};
    unsigned cpu = 0;  // where it starts
};

struct Task {
    Task(unsigned index, const TaskParameters &given) : number(index), parameters(given) {}

    unsigned number;
    TaskParameters parameters;
    uint64_t remaining = 0;      // of the present run
    uint64_t next_begin = 0;     // of the next period
    uint64_t waits_since = 0;    // for its first run after it woke up; 0: it does not
    uint64_t service = 0;        // CPU time so far
    uint64_t worst_latency = 0;  // from waking up to running
    uint64_t total_latency = 0;
    uint64_t wake_ups = 0;
    uint64_t forbidden = 0;     // ns on a CPU outside its affinity
    uint64_t longest_wait = 0;  // of a hog, for the CPU
    uint64_t last_run = 0;
    std::vector<uint64_t> on_cpu;  // ns on each
};

// A scheduler. Every call may change who runs where.
class Scheduling {
  public:
    virtual ~Scheduling() = default;
    virtual void add(Task &task, const DomainParameters &domain) = 0;  // asleep
    virtual void wake(Task &task, uint64_t now) = 0;
    virtual void block(Task &task, unsigned cpu, uint64_t now) = 0;  // it runs there
    virtual void yield(unsigned cpu, uint64_t now) = 0;
    // To `task`, if it can be: true.
    virtual bool yield_to(unsigned cpu, Task &task, uint64_t now) = 0;
    virtual void interrupt(unsigned cpu, uint64_t now) = 0;
    [[nodiscard]] virtual uint64_t deadline(unsigned cpu) const = 0;  // of the next interrupt
    [[nodiscard]] virtual Task *running(unsigned cpu) const = 0;
};

class Simulation {
  public:
    Simulation(unsigned cpus, std::unique_ptr<Scheduling> scheduling)
        : cpus_(cpus), scheduling_(std::move(scheduling)), before_(cpus) {}

    unsigned add_domain(const DomainParameters &parameters) {
        domains_.push_back(parameters);
        return static_cast<unsigned>(domains_.size() - 1);
    }
    // It wakes up at `begin`.
    Task &add(const TaskParameters &parameters, uint64_t begin = 0);
    void run_until(uint64_t end);

    [[nodiscard]] uint64_t now() const { return now_; }
    [[nodiscard]] Scheduling &scheduling() { return *scheduling_; }
    [[nodiscard]] const std::vector<std::unique_ptr<Task>> &tasks() const { return tasks_; }
    [[nodiscard]] uint64_t switches() const { return switches_; }
    [[nodiscard]] uint64_t interrupts() const { return interrupts_; }
    [[nodiscard]] uint64_t idle_while_waiting() const { return idle_while_waiting_; }
    // CPU time of a domain's tasks since the beginning.
    [[nodiscard]] uint64_t service_of(unsigned domain) const;
    // From now on, everything is counted anew.
    void reset_counts();

  private:
    struct WakeUp {
        uint64_t time;
        Task *task;
        bool operator>(const WakeUp &other) const { return time > other.time; }
    };

    [[nodiscard]] uint64_t next_event() const;
    void advance(uint64_t to);
    void end_runs();
    void interrupt_cpus();
    void wake_up();
    void note_running();

    unsigned cpus_;
    std::unique_ptr<Scheduling> scheduling_;
    std::vector<DomainParameters> domains_;
    std::vector<std::unique_ptr<Task>> tasks_;
    std::priority_queue<WakeUp, std::vector<WakeUp>, std::greater<>> wake_ups_;
    std::vector<Task *> before_;  // who ran on each CPU
    uint64_t now_ = 0;
    uint64_t begin_ = 0;
    uint64_t switches_ = 0;
    uint64_t interrupts_ = 0;
    uint64_t idle_while_waiting_ = 0;  // ns that a CPU idled while somebody who may run there waited
    unsigned runnable_ = 0;
};

[[nodiscard]] std::unique_ptr<Scheduling> virtual_time_scheduling(unsigned cpus);
[[nodiscard]] std::unique_ptr<Scheduling> credit_scheduling(unsigned cpus);

}  // namespace ringfold::simulation
