// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/lib/cpu_set.hpp"

#include <atomic>
#include <cstdint>

namespace ringfold {

// A CpuSet that any CPU may change, without a lock. Sequentially consistent: a CPU says that it idles and then looks
// who waits; whoever makes a vCPU wait says so and then looks who idles. One of them sees the other.
class SharedCpuSet {
  public:
    constexpr SharedCpuSet() = default;
    constexpr explicit SharedCpuSet(CpuSet cpus) : bits_(cpus.raw()) {}

    [[nodiscard]] CpuSet get() const { return CpuSet{bits_.load(std::memory_order_seq_cst)}; }
    void set(CpuSet cpus) { bits_.store(cpus.raw(), std::memory_order_seq_cst); }
    // Costs a locked instruction only where it changes something.
    void set(CpuId cpu, bool value) {
        if (get().contains(cpu) == value) {
            return;
        }
        if (value) {
            bits_.fetch_or(CpuSet::of(cpu).raw(), std::memory_order_seq_cst);
        } else {
            bits_.fetch_and(~CpuSet::of(cpu).raw(), std::memory_order_seq_cst);
        }
    }

  private:
    std::atomic<uint64_t> bits_ = 0;
};

}  // namespace ringfold
