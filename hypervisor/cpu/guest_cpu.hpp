// SPDX-License-Identifier: Apache-2.0
//
// What a physical CPU knows about the guest it runs: a part of PerCpu.
//
// Being in a guest is announced by `epoch`: odd while the guest may run, even in the hypervisor proper. Whoever wants
// something of this CPU sets its request, then reads the epoch: if odd, it interrupts the CPU and waits until the epoch
// moves on; if even, it need not wait, because this CPU makes the epoch odd first and looks at the requests after that
// (both sequentially consistent), and steps back if there is one. So nobody ever waits for a CPU in the hypervisor, and
// CPUs with interrupts off cannot deadlock.
#pragma once

#include "hypervisor/cpu/counts.hpp"
#include "hypervisor/cpu/idle_clock.hpp"
#include "hypervisor/cpu/root_cache.hpp"
#include "hypervisor/lib/units.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

class FrameInfo;
struct Vcpu;

struct GuestCpu {
    Vcpu *current = nullptr;             // whose registers and segments are loaded; null while idle
    DomainId scratch_owner = no_domain;  // the domain whose traces the gate scratch may hold

    std::atomic<uint64_t> epoch = 0;
    std::atomic<bool> flush_requested = false;  // drop everything cached, of every PCID
    std::atomic<bool> reschedule = false;       // another vCPU may deserve this CPU
    std::atomic<bool> idle = false;             // waits for an interrupt, or is about to
    bool yielding = false;                      // the current vCPU lets others go first
    std::atomic<uint64_t> running_root = 0;     // frame number of the L4 it runs on, or is about to
    const FrameInfo *running_table = nullptr;   // that frame's accounting
    uint64_t running_generation = 0;

    RootCache roots;
    uint64_t visit_deadline = 0;  // TSC at which long work makes way; 0: nobody asked yet in this visit
    Counts counts;                // count.hpp
    IdleClock idle_clock;
};

}  // namespace ringfold
