// SPDX-License-Identifier: Apache-2.0
//
// What happens between the run queues of several CPUs, over whatever machine there is: the real one (scheduler.cpp) and
// the simulated one of the unit tests. Never holds two locks: a vCPU that moves is in no queue, runnable, and its home
// is where it goes; whoever took it out puts it in.
#pragma once

#include "hypervisor/sched/balance.hpp"
#include "hypervisor/sched/placement.hpp"
#include "hypervisor/sched/pool.hpp"
#include "hypervisor/sched/run_queue.hpp"

#include <concepts>
#include <cstdint>
#include <optional>

namespace ringfold::dispatch {

template <typename T>
concept Machine = requires(T &machine, CpuId cpu, const ScheduleEntry &entry) {
    { *machine.lock(cpu) } -> std::same_as<RunQueue &>;  // until what it gives is destroyed
    { machine.load_of(cpu) } -> std::same_as<CpuLoad &>;
    { machine.pool_of(entry) } -> std::same_as<Pool &>;
    { machine.pool_of(cpu) } -> std::same_as<Pool &>;
    machine.kick(cpu);  // that CPU calls reschedule() soon
};

// Where it may run. An affinity that leaves nothing of the pool does not count.
template <Machine M>
[[nodiscard]] CpuSet allowed(M &machine, const ScheduleEntry &entry) {
    if (const CpuSet owned = entry.owned.get(); !owned.empty()) {
        return owned;
    }
    const CpuSet cpus = machine.pool_of(entry).cpus.get();
    const CpuSet both = cpus & entry.affinity.get();
    return both.empty() ? cpus : both;
}

// Under the lock of `cpu`, after its queue changed.
template <Machine M>
void publish(M &machine, CpuId cpu, const RunQueue &queue) {
    queue.publish(machine.load_of(cpu));
    machine.pool_of(cpu).overloaded.set(cpu, !queue.waiting().empty());
}

namespace detail {

// Under the lock of `from`: a vCPU that is not to run there leaves for `to`.
template <Machine M>
void send(M &machine, CpuId from, RunQueue &queue, ScheduleEntry &entry, CpuId to) {
    queue.detach(entry);
    entry.home.store(to, std::memory_order_relaxed);
    publish(machine, from, queue);
}

// Under the lock of `self`, where it was sent from another one: it waits here. This CPU is about to look.
template <Machine M>
void receive(M &machine, CpuId self, RunQueue &queue, ScheduleEntry &entry, uint64_t now) {
    queue.attach(entry);
    (void)queue.add(entry, false, now);
    publish(machine, self, queue);
}

template <Machine M>
CpuId place(M &machine, const RunQueue &home, const ScheduleEntry &entry, uint64_t now) {
    const CpuId at = entry.home.load(std::memory_order_relaxed);
    if (entry.on_cpu.load(std::memory_order_acquire)) {
        return at;
    }
    return ringfold::place(Waking{.allowed = allowed(machine, entry),
                                  .preferred = entry.preferred.get(),
                                  .idle = machine.pool_of(entry).idle.get(),
                                  .home = at,
                                  .claim = home.pool_claim(entry),
                                  .now = now},
                           [&machine](CpuId cpu) -> const CpuLoad & { return machine.load_of(cpu); });
}

// Takes the vCPU from its home to another CPU if that is better for it. True: it waits now, at its home.
template <Machine M>
bool settle(M &machine, ScheduleEntry &entry, bool may_move, uint64_t now) {
    const CpuId home = entry.home.load(std::memory_order_relaxed);
    CpuId target = home;
    bool must_look = false;
    {
        auto queue = machine.lock(home);
        queue->begin_wake(entry);
        if (may_move) {
            target = place(machine, *queue, entry, now);
        }
        if (target != home) {
            send(machine, home, *queue, entry, target);
        } else {
            must_look = queue->add(entry, true, now);
            publish(machine, home, *queue);
        }
    }
    // One that waits may have been taken over since, and have another home: nothing of it is looked at any more.
    if (target != home) {
        machine.lock(target)->attach(entry);
        return false;
    }
    if (must_look) {
        machine.kick(home);
    }
    return true;
}

}  // namespace detail

// A vCPU that was set runnable, and is in no queue, waits from now on where it fares best.
template <Machine M>
void make_ready(M &machine, ScheduleEntry &entry, uint64_t now) {
    // It settles where it was sent, whatever the others do meanwhile, unless it may not.
    bool may_move = true;
    while (!detail::settle(machine, entry, may_move, now)) {
        may_move = !allowed(machine, entry).contains(entry.home.load(std::memory_order_relaxed));
    }
}

// Takes over a vCPU that waits elsewhere in the pool, if it deserves this CPU more than one with the claim `own` does.
template <Machine M>
void pull(M &machine, CpuId self, VirtualTime own, uint64_t now) {
    Pool &pool = machine.pool_of(self);
    CpuSet candidates = (pool.overloaded.get() & pool.cpus.get()) - CpuSet::of(self);
    const auto load_of = [&machine](CpuId cpu) -> const CpuLoad & { return machine.load_of(cpu); };
    const auto may_run = [&](const ScheduleEntry &entry) {
        return &machine.pool_of(entry) == &pool && allowed(machine, entry).contains(self);
    };
    while (const std::optional<CpuId> victim = find_victim(candidates, own, load_of)) {
        candidates.remove(*victim);
        ScheduleEntry *taken = nullptr;
        {
            auto queue = machine.lock(*victim);
            taken = find_to_take(*queue, self, own, may_run);
            if (taken != nullptr) {
                detail::send(machine, *victim, *queue, *taken, self);
            }
        }
        if (taken != nullptr) {
            detail::receive(machine, self, *machine.lock(self), *taken, now);
            return;
        }
    }
}

// `entry` is to run on this CPU next, which is about to choose. False: it does not wait, may not run here, or is too
// far ahead of who waits here.
template <Machine M>
bool prefer(M &machine, CpuId self, ScheduleEntry &entry, uint64_t now) {
    const CpuId home = entry.home.load(std::memory_order_relaxed);
    {
        auto queue = machine.lock(home);
        if (entry.home.load(std::memory_order_relaxed) != home || !entry.is_waiting() ||
            queue->pool_claim(entry) - policy::longest_lead > machine.load_of(self).best_waiting()) {
            return false;
        }
        if (home == self) {
            queue->prefer(entry);
            return true;
        }
        // Acquire pairs with the release when its registers were saved.
        if (entry.on_cpu.load(std::memory_order_acquire) || !allowed(machine, entry).contains(self)) {
            return false;
        }
        detail::send(machine, home, *queue, entry, self);
    }
    auto queue = machine.lock(self);
    detail::receive(machine, self, *queue, entry, now);
    queue->prefer(entry);
    return true;
}

// Tells a CPU that should take over whoever waits for this one longest.
template <Machine M>
void offer(M &machine, CpuId self, uint64_t now) {
    Pool &pool = machine.pool_of(self);
    if (!pool.overloaded.get().contains(self)) {
        return;
    }
    CpuSet others;
    VirtualTime claim;
    {
        auto queue = machine.lock(self);
        const ScheduleEntry *const first = queue->waiting().first();
        if (first == nullptr || !queue->take_offer() || first->on_cpu.load(std::memory_order_relaxed)) {
            return;
        }
        others = allowed(machine, *first) - CpuSet::of(self);
        claim = queue->pool_claim(*first);
    }
    const auto taker = find_taker(others, pool.idle.get(), claim, now,
                                  [&machine](CpuId cpu) -> const CpuLoad & { return machine.load_of(cpu); });
    if (taker.has_value()) {
        machine.kick(*taker);
    }
}

// Chooses who runs on this CPU from `now` on; null: nobody can. `current` is about the one that ran. `accept(queue,
// entry)`, under the lock, takes the choice note of, or refuses it: another one is then chosen. `entry` may be null.
template <Machine M, typename Accept>
ScheduleEntry *reschedule(M &machine, CpuId self, RunQueue::Now current, uint64_t now, Accept &&accept) {
    Pool &pool = machine.pool_of(self);
    VirtualTime own;
    bool somebody_woke_up = false;
    {
        auto queue = machine.lock(self);
        queue->catch_up(pool.level(), now);
        own = queue->best_claim(current);
        if (own == VirtualTime::never()) {
            pool.idle.set(self, true);  // before looking who waits elsewhere: see SharedCpuSet
        } else {
            somebody_woke_up = queue->must_give_way();
        }
        pool.raise_level(queue->level());
    }
    // One from elsewhere with a better claim would go first, for a whole slice.
    if (!somebody_woke_up) {
        pull(machine, self, own, now);
    }
    ScheduleEntry *next = nullptr;
    {
        auto queue = machine.lock(self);
        do {
            next = queue->choose(current, now);
            current = RunQueue::Now::leaves;
        } while (!accept(*queue, next));
        pool.idle.set(self, next == nullptr);
        publish(machine, self, *queue);
    }
    return next;
}

}  // namespace ringfold::dispatch
