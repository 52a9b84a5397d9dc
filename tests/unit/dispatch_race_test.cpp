// SPDX-License-Identifier: Apache-2.0
//
// What happens between the run queues when several CPUs act at once: a vCPU waits in one queue, and runs on one CPU.
#include "hypervisor/sched/dispatch.hpp"

#include "random_seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace ringfold {
namespace {

constexpr unsigned cpu_count = 4;

constexpr CpuId cpu_id(unsigned number) { return CpuId{static_cast<uint16_t>(number)}; }

class RacingMachine {
  public:
    class Guard {
      public:
        Guard(RacingMachine &machine, unsigned cpu) : machine_(machine), cpu_(cpu) { machine.mutexes_[cpu].lock(); }
        Guard(const Guard &) = delete;
        Guard &operator=(const Guard &) = delete;
        ~Guard() {
            machine_.mutexes_[cpu_].unlock();
            if (machine_.after_unlock) {
                std::exchange(machine_.after_unlock, nullptr)();
            }
        }
        RunQueue &operator*() const { return machine_.queues_[cpu_]; }
        RunQueue *operator->() const { return &machine_.queues_[cpu_]; }

      private:
        RacingMachine &machine_;
        unsigned cpu_;
    };

    RacingMachine() { pool_.cpus.set(CpuSet{(uint64_t{1} << cpu_count) - 1}); }

    Guard lock(CpuId cpu) { return Guard(*this, cpu.raw()); }
    CpuLoad &load_of(CpuId cpu) { return loads_[cpu.raw()]; }
    Pool &pool_of(const ScheduleEntry &) { return pool_; }
    Pool &pool_of(CpuId) { return pool_; }
    void kick(CpuId) {}

    std::function<void()> after_unlock;  // once, when somebody has unlocked a queue

  private:
    std::array<RunQueue, cpu_count> queues_;
    std::array<std::mutex, cpu_count> mutexes_;
    std::array<CpuLoad, cpu_count> loads_;
    Pool pool_;
};

struct DispatchRace : testing::Test {
    // What scheduler.cpp does when somebody wakes a vCPU.
    void wake(ScheduleEntry &entry, uint64_t now) {
        bool is_ready = false;
        for (bool is_home = false; !is_home;) {
            const CpuId home = entry.home.load();
            auto queue = machine.lock(home);
            is_home = entry.home.load() == home;
            if (is_home && entry.state == VcpuState::blocked) {
                entry.change_state(VcpuState::runnable, now);
                is_ready = true;
            }
        }
        if (is_ready) {
            dispatch::make_ready(machine, entry, now);
        }
    }

    // What choose.cpp does, without registers. `current` may have blocked.
    ScheduleEntry *choose(unsigned cpu, ScheduleEntry *current, uint64_t now) {
        const bool runs = current != nullptr && current->state == VcpuState::running;
        const auto about = runs ? RunQueue::Now::yields : RunQueue::Now::leaves;
        ScheduleEntry *const next =
            dispatch::reschedule(machine, cpu_id(cpu), about, now, [&](RunQueue &, ScheduleEntry *chosen) {
                if (current != nullptr && current != chosen && current->state == VcpuState::running) {
                    current->change_state(VcpuState::runnable, now);
                }
                if (chosen != nullptr) {
                    chosen->on_cpu.store(true);
                    chosen->change_state(VcpuState::running, now);
                }
                return true;
            });
        if (current != nullptr && current != next) {
            current->on_cpu.store(false);
        }
        return next;
    }

    void block(unsigned cpu, ScheduleEntry &entry, uint64_t now) {
        auto queue = machine.lock(cpu_id(cpu));
        queue->drop_running(now);
        entry.change_state(VcpuState::blocked, now);
    }

    RacingMachine machine;
    DomainSchedule domain;
};

// Another CPU takes it over between the moment when it waits and the next look of the CPU that woke it.
TEST_F(DispatchRace, OneThatIsTakenOverAtOnceIsNotMadeReadyAgain) {
    ScheduleEntry entry{domain, nullptr, cpu_id(0)};
    entry.state = VcpuState::runnable;
    entry.affinity.set(CpuSet::of(cpu_id(0)));  // there it is made ready
    ScheduleEntry *taken = nullptr;
    machine.after_unlock = [&] {
        entry.affinity.set(every_cpu);
        taken = choose(1, nullptr, 2);
    };
    dispatch::make_ready(machine, entry, 1);
    ASSERT_EQ(taken, &entry) << "it was taken over";
    EXPECT_FALSE(entry.is_waiting()) << "it runs on CPU 1";
    EXPECT_EQ(choose(0, nullptr, 3), nullptr);
}

TEST_F(DispatchRace, NobodyRunsOnTwoCpus) {
    constexpr unsigned rounds = 20000;
    std::deque<ScheduleEntry> entries;
    for (unsigned number = 0; number < cpu_count + 1; ++number) {
        entries.emplace_back(domain, nullptr, cpu_id(number % cpu_count)).state = VcpuState::blocked;
    }
    std::atomic<uint64_t> time = 1;
    std::atomic<bool> is_wrong = false;
    std::vector<std::atomic<int>> running(entries.size());
    const uint64_t seed = test::random_seed();
    const auto work = [&](unsigned cpu) {
        std::mt19937_64 random(seed + cpu);
        ScheduleEntry *current = nullptr;
        for (unsigned round = 0; round < rounds && !is_wrong; ++round) {
            wake(entries[random() % entries.size()], time += 1000);
            if (current != nullptr && random() % 2 == 0) {
                block(cpu, *current, time += 1000);
            }
            ScheduleEntry *const next = choose(cpu, current, time += 1000);
            current = next;
            if (current != nullptr) {
                const auto number = static_cast<std::size_t>(
                    std::ranges::find(entries, current, [](auto &entry) { return &entry; }) - entries.begin());
                is_wrong = is_wrong || running[number].fetch_add(1) != 0;
                std::this_thread::yield();
                running[number].fetch_sub(1);
            }
        }
        if (current != nullptr) {
            block(cpu, *current, time += 1000);
            (void)choose(cpu, current, time += 1000);
        }
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned cpu = 0; cpu < cpu_count; ++cpu) {
            threads.emplace_back(work, cpu);
        }
    }
    EXPECT_FALSE(is_wrong) << "a vCPU was on two CPUs at once";
}

}  // namespace
}  // namespace ringfold
