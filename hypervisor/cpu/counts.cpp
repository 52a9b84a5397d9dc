// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/cpu/counts.hpp"

#include <atomic>
#include <iterator>

namespace ringfold {

namespace {

// Relaxed: no number says anything about another.
uint64_t read(uint64_t &count) { return std::atomic_ref<uint64_t>(count).load(std::memory_order_relaxed); }

}  // namespace

void add_to(ringfold_counters &total, Counts &counts) {
    static_assert(std::size(ringfold_counters{}.hypercalls) >= RINGFOLD_HYPERCALL_COUNT + 1);
    for (std::size_t number = 0; number < RINGFOLD_HYPERCALL_COUNT; ++number) {
        total.hypercalls[number] += read(counts.hypercalls[number]);
    }
    total.hypercalls[std::size(total.hypercalls) - 1] += read(counts.hypercalls[Counts::unknown_number]);
    for (const NamedCount &each : named_counts) {
        total.*each.shown += read(counts.*each.count);
    }
}

}  // namespace ringfold
