// SPDX-License-Identifier: Apache-2.0
//
// A credit scheduler for comparison, after the description of Xen's first one: every 30 ms each vCPU that was active
// gets credits for its weight's share of all CPUs, and running spends them. Who has credits (UNDER) goes before who has
// none (OVER), in turns of 30 ms; one that wakes up with credits goes before all (BOOST), until it has run for a tick
// of 10 ms. A CPU that would idle or run an OVER takes over an UNDER that waits elsewhere. A domain with a cap gets no
// more than that, and does not run without credits.
#include "tests/unit/schedule_simulation.hpp"

#include <algorithm>
#include <deque>
#include <list>

namespace ringfold::simulation {

namespace {

constexpr uint64_t tick = 10 * millisecond;
constexpr uint64_t accounting = 30 * millisecond;
constexpr uint64_t slice = 30 * millisecond;

class CreditScheduling : public Scheduling {
  public:
    explicit CreditScheduling(unsigned cpus) : cpus_(cpus) {}

    void add(Task &task, const DomainParameters &domain) override {
        vcpus_.push_back({.task = &task, .weight = domain.weight, .cap = domain.cap, .cpu = task.parameters.cpu});
    }

    void wake(Task &task, uint64_t now) override {
        Vcpu &vcpu = vcpus_[task.number];
        vcpu.runnable = true;
        vcpu.boosted = vcpu.credit >= 0 && !vcpu.parked;
        vcpu.cpu = place(vcpu);
        if (!vcpu.parked) {
            enqueue(vcpu);
        }
        charge(vcpu.cpu, now);
        if (Vcpu *const running = cpus_[vcpu.cpu].running; running == nullptr || rank(vcpu) < rank(*running)) {
            choose(vcpu.cpu, now, false);
        }
    }

    void block(Task &task, unsigned cpu, uint64_t now) override {
        charge(cpu, now);
        vcpus_[task.number].runnable = false;
        cpus_[cpu].running = nullptr;
        choose(cpu, now, false);
    }

    void yield(unsigned cpu, uint64_t now) override { choose(cpu, now, true); }
    bool yield_to(unsigned cpu, Task &, uint64_t now) override {
        yield(cpu, now);
        return false;
    }

    void interrupt(unsigned cpu, uint64_t now) override {
        charge(cpu, now);
        Cpu &self = cpus_[cpu];
        if (cpu == 0 && now >= next_accounting_) {
            account(now);
        }
        if (now >= self.next_tick) {
            self.next_tick = now + tick;
            if (self.running != nullptr) {
                self.running->boosted = false;
                self.running->active = true;
            }
        }
        choose(cpu, now, self.running != nullptr && now >= self.slice_end);
    }

    [[nodiscard]] uint64_t deadline(unsigned cpu) const override {
        const Cpu &self = cpus_[cpu];
        uint64_t next = std::min(self.next_tick, cpu == 0 ? next_accounting_ : UINT64_MAX);
        return self.running != nullptr ? std::min(next, self.slice_end) : next;
    }
    [[nodiscard]] Task *running(unsigned cpu) const override {
        return cpus_[cpu].running == nullptr ? nullptr : cpus_[cpu].running->task;
    }

  private:
    struct Vcpu {
        Task *task;
        uint32_t weight;
        uint32_t cap;
        unsigned cpu;
        int64_t credit = 0;  // ns
        bool runnable = false;
        bool boosted = false;
        bool parked = false;
        bool active = true;
        bool queued = false;
    };
    struct Cpu {
        Vcpu *running = nullptr;
        std::list<Vcpu *> queue;
        uint64_t charged_until = 0;
        uint64_t slice_end = UINT64_MAX;
        uint64_t next_tick = tick;
    };

    static int rank(const Vcpu &vcpu) { return vcpu.boosted ? 0 : vcpu.credit >= 0 ? 1 : 2; }
    static bool may_run(const Vcpu &vcpu, unsigned cpu) { return ((vcpu.task->parameters.affinity >> cpu) & 1) != 0; }

    unsigned place(const Vcpu &vcpu) const {
        if (may_run(vcpu, vcpu.cpu) && is_idle(vcpu.cpu)) {
            return vcpu.cpu;
        }
        for (unsigned cpu = 0; cpu < cpus_.size(); ++cpu) {
            if (may_run(vcpu, cpu) && is_idle(cpu)) {
                return cpu;
            }
        }
        unsigned cpu = vcpu.cpu;
        while (!may_run(vcpu, cpu)) {
            cpu = (cpu + 1) % static_cast<unsigned>(cpus_.size());
        }
        return cpu;
    }
    [[nodiscard]] bool is_idle(unsigned cpu) const { return cpus_[cpu].running == nullptr && cpus_[cpu].queue.empty(); }

    void enqueue(Vcpu &vcpu) {
        auto &queue = cpus_[vcpu.cpu].queue;
        queue.insert(
            std::find_if(queue.begin(), queue.end(), [&](const Vcpu *other) { return rank(*other) > rank(vcpu); }),
            &vcpu);
        vcpu.queued = true;
    }

    void charge(unsigned cpu, uint64_t now) {
        Cpu &self = cpus_[cpu];
        if (self.running != nullptr) {
            self.running->credit -= static_cast<int64_t>(now - self.charged_until);
        }
        self.charged_until = now;
    }

    void account(uint64_t now) {
        next_accounting_ = now + accounting;
        uint64_t weights = 0;
        for (const Vcpu &vcpu : vcpus_) {
            weights += vcpu.active ? vcpu.weight : 0;
        }
        for (Vcpu &vcpu : vcpus_) {
            if (!vcpu.active) {
                continue;
            }
            uint64_t fair = accounting * cpus_.size() * vcpu.weight / std::max<uint64_t>(weights, 1);
            fair = vcpu.cap == 0 ? fair : std::min(fair, accounting * vcpu.cap / 100);
            vcpu.credit += static_cast<int64_t>(fair);
            if (vcpu.credit > static_cast<int64_t>(accounting)) {
                vcpu.credit = accounting;
                vcpu.active = vcpu.runnable;
            }
            vcpu.credit = std::max(vcpu.credit, -static_cast<int64_t>(accounting));
            const bool must_park = vcpu.cap != 0 && vcpu.credit < 0;
            if (vcpu.parked && !must_park) {
                vcpu.parked = false;
                if (vcpu.runnable) {
                    enqueue(vcpu);
                }
            }
            vcpu.parked = must_park;
        }
    }

    Vcpu *take(unsigned from, unsigned cpu, int below) {
        auto &queue = cpus_[from].queue;
        const auto found = std::find_if(queue.begin(), queue.end(),
                                        [&](const Vcpu *vcpu) { return may_run(*vcpu, cpu) && rank(*vcpu) < below; });
        if (found == queue.end()) {
            return nullptr;
        }
        Vcpu *const vcpu = *found;
        queue.erase(found);
        vcpu->queued = false;
        return vcpu;
    }

    void choose(unsigned cpu, uint64_t now, bool gives_up) {
        charge(cpu, now);
        Cpu &self = cpus_[cpu];
        Vcpu *const previous = self.running;
        self.running = nullptr;
        if (previous != nullptr && !previous->parked) {
            if (gives_up) {
                enqueue(*previous);
            } else {
                // Before its equals: its slice goes on.
                self.queue.insert(std::find_if(self.queue.begin(), self.queue.end(),
                                               [&](const Vcpu *other) { return rank(*other) >= rank(*previous); }),
                                  previous);
                previous->queued = true;
            }
        }
        std::erase_if(self.queue, [](Vcpu *vcpu) {
            vcpu->queued = vcpu->queued && !vcpu->parked;
            return vcpu->parked;
        });
        self.queue.sort([](const Vcpu *a, const Vcpu *b) { return rank(*a) < rank(*b); });
        Vcpu *next = take(cpu, cpu, 3);
        const int own = next == nullptr ? 3 : rank(*next);
        for (unsigned other = 0; own >= 2 && other < cpus_.size(); ++other) {
            Vcpu *const stolen = other == cpu ? nullptr : take(other, cpu, own);
            if (stolen != nullptr) {
                if (next != nullptr) {
                    enqueue(*next);
                }
                next = stolen;
                next->cpu = cpu;
                break;
            }
        }
        self.running = next;
        if (next != nullptr && (next != previous || now >= self.slice_end)) {
            self.slice_end = now + slice;
        }
        if (next == nullptr) {
            self.slice_end = UINT64_MAX;
        }
    }

    std::vector<Cpu> cpus_;
    std::deque<Vcpu> vcpus_;
    uint64_t next_accounting_ = accounting;
};

}  // namespace

std::unique_ptr<Scheduling> credit_scheduling(unsigned cpus) { return std::make_unique<CreditScheduling>(cpus); }

}  // namespace ringfold::simulation
