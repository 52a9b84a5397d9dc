// SPDX-License-Identifier: Apache-2.0
//
// The flush clock tells which CPUs may still hold a translation that the page tables no longer have.
//
// One counter, `now`, runs for the machine. Who removes an entry first makes the change visible (a locked exchange),
// then reads `now`: that moment is the frame's stamp. A CPU that drops *everything* (all PCIDs, all paging-structure
// caches) advances `now` to a value t before its flush and records t when the flush is done. If t > stamp, the removal
// came before the flush, so nothing older than the removal survived it. A flush of less than everything does not touch
// the clock.
//
// Order: the exchange of the entry, the reads of `now` and its advance are all sequentially consistent. Were the read
// of a stamp s < t not before the CPU's advance to t in that one order, it would have read t or more.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"

#include <atomic>
#include <compare>
#include <cstdint>

namespace ringfold {

// A moment of the flush clock. Moment 0 is before everything: what carries it was never exposed.
class FlushMoment {
  public:
    constexpr FlushMoment() = default;
    constexpr explicit FlushMoment(uint64_t value) : value_(value) {}
    [[nodiscard]] constexpr uint64_t raw() const { return value_; }
    constexpr auto operator<=>(const FlushMoment &) const = default;

  private:
    uint64_t value_ = 0;
};

namespace flush_clock {

// The stamp for what was removed before this call.
[[nodiscard]] FlushMoment now();

// A full flush on the calling CPU: begin() before the first instruction of the flush, done() after the last.
[[nodiscard]] FlushMoment begin_full_flush();
void full_flush_done(CpuId cpu, FlushMoment begun);

// Those of `candidates` that have not flushed everything since `stamp`.
[[nodiscard]] CpuSet needing_flush(FlushMoment stamp, CpuSet candidates);

// How many CPUs of all candidate sets the clock spared, and how many not.
struct Statistics {
    uint64_t spared;
    uint64_t needed;
};
[[nodiscard]] Statistics statistics();

}  // namespace flush_clock

// A stamp that several CPUs may set: it only ever advances.
class FlushStamp {
  public:
    [[nodiscard]] FlushMoment get() const { return FlushMoment{value_.load(std::memory_order_seq_cst)}; }
    void advance(FlushMoment moment) {
        uint64_t old = value_.load(std::memory_order_relaxed);
        // Success: the stamp is ours. Failure: another CPU set one; retry unless its is as late.
        while (old < moment.raw() && !value_.compare_exchange_weak(old, moment.raw(), std::memory_order_seq_cst)) {
        }
    }
    // For a frame that changes hands after everything was flushed.
    void clear() { value_.store(0, std::memory_order_seq_cst); }

  private:
    std::atomic<uint64_t> value_ = 0;
};

}  // namespace ringfold
