// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/rendezvous.hpp"

#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/topology.hpp"

#include <atomic>

namespace ringfold {

namespace {

constinit std::atomic<bool> busy = false;     // a StoppedMachine exists, or is going
constinit std::atomic<bool> stop = false;     // wait until it is false again
constinit std::atomic<uint64_t> stopped = 0;  // the CPUs that wait

}  // namespace

StoppedMachine::StoppedMachine() {
    // Two that want the same at once: the second stops for the first.
    while (busy.exchange(true, std::memory_order_acquire)) {
        stop_if_asked();
        relax();
    }
    stop.store(true, std::memory_order_seq_cst);
    const CpuSet others = online_cpus() - CpuSet::of(this_cpu().id);
    others.for_each([](CpuId other) { kick(other); });
    while ((CpuSet{stopped.load(std::memory_order_acquire)} & others) != others) {
        relax();
    }
}

StoppedMachine::~StoppedMachine() {
    stop.store(false, std::memory_order_release);
    while (stopped.load(std::memory_order_acquire) != 0) {
        relax();
    }
    busy.store(false, std::memory_order_release);
}

void stop_if_asked() {
    if (!is_stop_asked()) {
        return;
    }
    const uint64_t self = CpuSet::of(this_cpu().id).raw();
    stopped.fetch_or(self, std::memory_order_release);
    while (is_stop_asked()) {
        relax();
    }
    (void)cpuid(0);  // serialises: text may have been changed (Intel SDM vol. 3A, 8.1.3)
    stopped.fetch_and(~self, std::memory_order_release);
}

// Sequentially consistent: pairs with the store of who stops the machine and then looks who idles, where this CPU says
// that it idles and then looks here.
bool is_stop_asked() { return stop.load(std::memory_order_seq_cst); }

}  // namespace ringfold
