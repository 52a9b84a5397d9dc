// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/mm/flush_clock.hpp"

#include <array>

namespace ringfold::flush_clock {

namespace {

struct alignas(64) CpuFlush {
    std::atomic<uint64_t> last = 0;  // the moment at which this CPU's last full flush began; written by that CPU only
};

constinit std::atomic<uint64_t> clock_now = 1;
constinit std::array<CpuFlush, cpu_set_capacity> cpu_flushes{};
constinit std::atomic<uint64_t> cpus_spared = 0;
constinit std::atomic<uint64_t> cpus_needed = 0;

}  // namespace

FlushMoment now() { return FlushMoment{clock_now.load(std::memory_order_seq_cst)}; }

FlushMoment begin_full_flush() { return FlushMoment{clock_now.fetch_add(1, std::memory_order_seq_cst) + 1}; }

void full_flush_done(CpuId cpu, FlushMoment begun) {
    cpu_flushes[cpu.raw() % cpu_set_capacity].last.store(begun.raw(), std::memory_order_seq_cst);
}

CpuSet needing_flush(FlushMoment stamp, CpuSet candidates) {
    if (stamp == FlushMoment{}) {
        return {};
    }
    CpuSet need;
    candidates.for_each([&](CpuId cpu) {
        if (cpu_flushes[cpu.raw()].last.load(std::memory_order_seq_cst) <= stamp.raw()) {
            need.add(cpu);
        }
    });
    cpus_needed.fetch_add(need.size(), std::memory_order_relaxed);
    cpus_spared.fetch_add((candidates - need).size(), std::memory_order_relaxed);
    return need;
}

Statistics statistics() {
    return {.spared = cpus_spared.load(std::memory_order_relaxed),
            .needed = cpus_needed.load(std::memory_order_relaxed)};
}

}  // namespace ringfold::flush_clock
