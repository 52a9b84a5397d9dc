// SPDX-License-Identifier: Apache-2.0
//
// Between the CPUs of a pool: whose waiting vCPU a CPU takes over, and which CPU is told that one waits. Pure.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/sched/cpu_load.hpp"
#include "hypervisor/sched/policy.hpp"
#include "hypervisor/sched/run_queue.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <cstdint>
#include <optional>

namespace ringfold {

// The CPU of `overloaded` on which somebody waits with the best claim, if that is worth taking over by a CPU that would
// otherwise run a vCPU with the claim `own`, or nobody (never()).
template <typename Loads>
[[nodiscard]] std::optional<CpuId> find_victim(CpuSet overloaded, VirtualTime own, Loads &&load_of) {
    std::optional<CpuId> victim;
    VirtualTime best = own == VirtualTime::never() ? own : own - policy::balance_margin;
    overloaded.for_each([&](CpuId cpu) {
        if (const VirtualTime claim = load_of(cpu).best_waiting(); claim < best) {
            best = claim;
            victim = cpu;
        }
    });
    return victim;
}

// Of those that wait in `queue`, the one that CPU `taker` should take over, which would otherwise run a vCPU with the
// claim `own`, or nobody (never()); null if there is none. may_run(entry): there, at all.
template <typename MayRun>
[[nodiscard]] ScheduleEntry *find_to_take(const RunQueue &queue, CpuId taker, VirtualTime own, MayRun &&may_run) {
    constexpr unsigned most_candidates = 16;  // meanwhile a busy CPU waits for the lock
    const bool is_idle = own == VirtualTime::never();
    const ScheduleEntry *const running = queue.running();
    ScheduleEntry *found = nullptr;
    unsigned looked_at = 0;
    for (ScheduleEntry *entry = queue.waiting().first(); entry != nullptr && looked_at < most_candidates;
         entry = queue.waiting().next(*entry), ++looked_at) {
        if (!is_idle && queue.pool_claim(*entry) + policy::balance_margin >= own) {
            break;
        }
        const bool is_preferred = entry->preferred.get().contains(taker);
        // Acquire pairs with the release when its registers were saved. Only a CPU that idles takes what had rather run
        // elsewhere.
        if (!may_run(*entry) || entry->on_cpu.load(std::memory_order_acquire) || (!is_idle && !is_preferred)) {
            continue;
        }
        // For a CPU that idles: one behind a vCPU of its own domain first, for those may wait for each other.
        if (is_preferred && (!is_idle || (running != nullptr && &running->domain == &entry->domain))) {
            return entry;
        }
        if (found == nullptr || (is_preferred && !found->preferred.get().contains(taker))) {
            found = entry;
        }
    }
    return found;
}

// A CPU of `allowed` that should take over a vCPU that waits with `claim`: one that idles, or else the one whose vCPU
// has the weakest claim, if that is weak enough.
template <typename Loads>
[[nodiscard]] std::optional<CpuId> find_taker(CpuSet allowed, CpuSet idle, VirtualTime claim, uint64_t now,
                                              Loads &&load_of) {
    std::optional<CpuId> taker;
    VirtualTime weakest = claim + policy::balance_margin;
    bool is_idle = false;
    allowed.for_each([&](CpuId cpu) {
        if (is_idle) {
            return;
        }
        if (idle.contains(cpu)) {
            taker = cpu;
            is_idle = true;
        } else if (load_of(cpu).is_running() && load_of(cpu).running_at(now) > weakest) {
            weakest = load_of(cpu).running_at(now);
            taker = cpu;
        }
    });
    return taker;
}

}  // namespace ringfold
