// SPDX-License-Identifier: Apache-2.0
//
// The obligation to flush before a frame is used for something new. Collected while uses are taken, performed once, and
// never forgotten: destroying it unperformed is a bug.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/machine_seam.hpp"

namespace ringfold {

class [[nodiscard]] PendingFlush {
  public:
    PendingFlush() = default;
    PendingFlush(const PendingFlush &) = delete;
    PendingFlush &operator=(const PendingFlush &) = delete;
    ~PendingFlush() { invariant(cpus_.empty(), "a needed flush was performed"); }

    // What was taken away at `stamp` may still be cached by these CPUs.
    void add(FlushMoment stamp, CpuSet candidates) { cpus_ |= flush_clock::needing_flush(stamp, candidates); }
    void perform() {
        if (!cpus_.empty()) {
            machine::flush_translations(cpus_);
            cpus_ = CpuSet{};
        }
    }
    // The use that needed it was not taken after all.
    void abandon() { cpus_ = CpuSet{}; }

  private:
    CpuSet cpus_;
};

}  // namespace ringfold
