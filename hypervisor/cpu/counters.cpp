// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/counters.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace ringfold {

namespace {

constexpr std::size_t words = sizeof(ringfold_counters) / sizeof(uint64_t);
constexpr std::size_t hypercall_counters = sizeof ringfold_counters::hypercalls / sizeof(uint64_t);

struct NamedCounter {
    std::string_view name;
    uint64_t ringfold_counters::*value;
};
constexpr std::array named{
    NamedCounter{"interrupts", &ringfold_counters::interrupts},
    NamedCounter{"IPIs sent", &ringfold_counters::ipis_sent},
    NamedCounter{"IPIs received", &ringfold_counters::ipis_received},
    NamedCounter{"NMIs", &ringfold_counters::nmis},
    NamedCounter{"machine checks", &ringfold_counters::machine_checks},
    NamedCounter{"debug exceptions", &ringfold_counters::debug_exceptions},
    NamedCounter{"upcalls", &ringfold_counters::upcalls},
    NamedCounter{"injected exceptions", &ringfold_counters::injected_exceptions},
    NamedCounter{"root loads", &ringfold_counters::root_loads},
    NamedCounter{"root copies", &ringfold_counters::root_copies},
    NamedCounter{"flushes for guests", &ringfold_counters::guest_flushes},
    NamedCounter{"flushes for safety", &ringfold_counters::safety_flushes},
    NamedCounter{"flushes saved by the clock", &ringfold_counters::safety_flushes_saved},
    NamedCounter{"vCPU switches", &ringfold_counters::vcpu_switches},
    NamedCounter{"page-table operations", &ringfold_counters::page_table_operations},
    NamedCounter{"entries", &ringfold_counters::entries},
    NamedCounter{"events sent", &ringfold_counters::events_sent},
    NamedCounter{"grants mapped", &ringfold_counters::grant_maps},
    NamedCounter{"grants unmapped", &ringfold_counters::grant_unmaps},
    NamedCounter{"grants copied", &ringfold_counters::grant_copies},
    NamedCounter{"grants transferred", &ringfold_counters::grant_transfers},
};

constexpr std::array hypercall_names{
#define HYPERCALL(number, name, ...) std::string_view{#name},
#include <ringfold/dispatch_table.inc>
};

// They are being counted meanwhile.
void add(ringfold_counters &total, ringfold_counters &counters) {
    auto *const sums = reinterpret_cast<uint64_t *>(&total);
    auto *const values = reinterpret_cast<uint64_t *>(&counters);
    for (std::size_t index = 0; index < words; ++index) {
        sums[index] += std::atomic_ref<uint64_t>(values[index]).load(std::memory_order_relaxed);
    }
}

void add_cpu(ringfold_counters &total, PerCpu &cpu) {
    add(total, cpu.guest.counters);
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
        add(total, domain.vcpus[number]->counters);
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
    if (total.hypercalls[hypercall_counters - 1] != 0) {
        log_info("  hypercall of unknown number: {}", total.hypercalls[hypercall_counters - 1]);
    }
    for (const NamedCounter &counter : named) {
        if (total.*counter.value != 0) {
            log_info("  {}: {}", counter.name, total.*counter.value);
        }
    }
}

}  // namespace ringfold
