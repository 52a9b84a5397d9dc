// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/counters.hpp"

#include "hypervisor/cpu/counts.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace ringfold {

namespace {

constexpr std::array hypercall_names{
#define HYPERCALL(number, name, ...) std::string_view{#name},
#include <ringfold/dispatch_table.inc>
};

void add_cpu(ringfold_counters &total, PerCpu &cpu) {
    add_to(total, cpu.guest.counts);
    total.idle_time += cpu.guest.idle_clock.idled(nanoseconds_since_boot);
}

}  // namespace

ringfold_counters sum_counters() {
    ringfold_counters total{};
    for_each_cpu([&total](PerCpu &cpu) { add_cpu(total, cpu); });
    total.free_frames = free_frame_count().raw();
    total.safety_flushes_saved = flush_clock::statistics().spared;
    return total;
}

ringfold_counters counters_of(CpuId id) {
    ringfold_counters total{};
    add_cpu(total, cpu(id));
    return total;
}

ringfold_counters counters_of(const Domain &domain) {
    ringfold_counters total{};
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        add_to(total, domain.vcpus[number]->counts);
    }
    total.run_time = scheduler::run_time_of(domain);
    return total;
}

void log_counters() {
    const ringfold_counters total = sum_counters();
    log_info("counters since boot, all CPUs:");
    for (std::size_t number = 0; number < hypercall_names.size(); ++number) {
        if (total.hypercalls[number] != 0) {
            log_info("  hypercall {}: {}", hypercall_names[number], total.hypercalls[number]);
        }
    }
    if (const uint64_t unknown = std::end(total.hypercalls)[-1]; unknown != 0) {
        log_info("  hypercall of unknown number: {}", unknown);
    }
    for (const NamedCount &each : named_counts) {
        if (total.*each.shown != 0) {
            log_info("  {}: {}", each.name, total.*each.shown);
        }
    }
    if (total.safety_flushes_saved != 0) {
        log_info("  flushes saved by the clock: {}", total.safety_flushes_saved);
    }
}

}  // namespace ringfold
