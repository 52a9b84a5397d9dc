// SPDX-License-Identifier: Apache-2.0
//
// On which CPU a vCPU that wakes up is to run. Pure.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/sched/cpu_load.hpp"
#include "hypervisor/sched/virtual_time.hpp"

#include <bit>
#include <cstdint>

namespace ringfold {

struct Waking {
    CpuSet allowed;    // not empty
    CpuSet preferred;  // of those
    CpuSet idle;       // what a hint says
    CpuId home;        // where it ran last: its caches may be warm
    VirtualTime claim;
    uint64_t now;
};

[[nodiscard]] constexpr CpuId first_of(CpuSet cpus) {
    return CpuId{static_cast<uint16_t>(std::countr_zero(cpus.raw()))};
}

namespace placement_detail {

// The CPU of `cpus` whose vCPU has the weakest claim, if that is weak enough to take its place; else the one where
// fewest wait.
template <typename Loads>
CpuId least_bad(CpuSet cpus, const Waking &waking, Loads &&load_of) {
    CpuId weakest = first_of(cpus);
    CpuId shortest = weakest;
    bool gives_way = false;
    VirtualTime weakest_claim{INT64_MIN};
    uint32_t fewest = UINT32_MAX;
    cpus.for_each([&](CpuId cpu) {
        const CpuLoad &load = load_of(cpu);
        if (load.gives_way_to(waking.claim, waking.now) && load.running_at(waking.now) > weakest_claim) {
            weakest = cpu;
            weakest_claim = load.running_at(waking.now);
            gives_way = true;
        }
        const uint32_t waiting = load.waiting.load(std::memory_order_relaxed);
        if (waiting < fewest || (waiting == fewest && cpu == waking.home)) {
            shortest = cpu;
            fewest = waiting;
        }
    });
    return gives_way ? weakest : shortest;
}

}  // namespace placement_detail

// Where it runs at once, and best where it ran before: a preferred CPU that idles, its home if the vCPU there has less
// claim, any CPU that idles, a preferred one whose vCPU has less claim. Otherwise a preferred one where few wait.
template <typename Loads>
[[nodiscard]] CpuId place(const Waking &waking, Loads &&load_of) {
    const CpuSet preferred =
        (waking.preferred & waking.allowed).empty() ? waking.allowed : waking.preferred & waking.allowed;
    if (const CpuSet idle = waking.idle & preferred; !idle.empty()) {
        return idle.contains(waking.home) ? waking.home : first_of(idle);
    }
    if (preferred.contains(waking.home) && load_of(waking.home).gives_way_to(waking.claim, waking.now)) {
        return waking.home;
    }
    if (const CpuSet idle = waking.idle & waking.allowed; !idle.empty()) {
        return idle.contains(waking.home) ? waking.home : first_of(idle);
    }
    return placement_detail::least_bad(preferred, waking, load_of);
}

}  // namespace ringfold
