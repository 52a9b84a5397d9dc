// SPDX-License-Identifier: Apache-2.0
//
// The cap of a domain: how much CPU time all its vCPUs together may use, whoever else wants it. Time used is paid for
// at the rate of the cap: one word says until when what was used is paid. What a domain did not use counts for `burst`
// ns, so that waiting for a CPU does not cost it its cap. A domain that used `burst` ns' worth in advance is exhausted,
// and runs again when all is paid; so it gets exactly its cap in the long run, whatever a single run took too much.
// (The generic cell rate algorithm of ITU-T I.371, with CPU time for cells.)
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ringfold {

class Bandwidth {
  public:
    static constexpr uint32_t unlimited = 0;
    static constexpr uint32_t highest = 64 * 100;     // per cent of one CPU
    static constexpr uint64_t burst = 10'000'000;     // ns
    static constexpr uint64_t shortest_run = 50'000;  // ns: what remains is not looked at more often

    [[nodiscard]] uint32_t cap() const { return cap_.load(std::memory_order_relaxed); }
    void set_cap(uint32_t percent) { cap_.store(percent, std::memory_order_seq_cst); }

    // A vCPU ran for `ran` ns until `now`.
    void charge(uint64_t ran, uint64_t now) {
        const uint32_t percent = cap();
        if (percent == unlimited) {
            return;
        }
        uint64_t paid = paid_until_.load(std::memory_order_relaxed);
        uint64_t after = 0;
        // Success: this run is paid for. Failure: another CPU charged meanwhile; on top of that. Nothing else depends
        // on the word, so relaxed is enough.
        do {
            after = std::max(paid, now - std::min(now, ran + burst)) + ran * 100 / percent;
        } while (!paid_until_.compare_exchange_weak(paid, after, std::memory_order_relaxed));
    }

    // Must the domain's vCPUs wait until release_time()?
    [[nodiscard]] bool is_exhausted(uint64_t now) const {
        return cap() != unlimited && paid_until_.load(std::memory_order_relaxed) > now + burst;
    }
    [[nodiscard]] uint64_t release_time() const { return paid_until_.load(std::memory_order_relaxed); }

    // For how long a vCPU may run from `now` on until it is looked at again. Others of the domain may run meanwhile:
    // what they use too much is paid later.
    [[nodiscard]] uint64_t allowance(uint64_t now) const {
        const uint32_t percent = cap();
        if (percent == unlimited) {
            return UINT64_MAX;
        }
        const uint64_t paid = std::max(paid_until_.load(std::memory_order_relaxed), now);
        const uint64_t left = paid - now < burst ? burst - (paid - now) : 0;
        // Each ns of running costs 100 / percent and pays 1.
        const uint64_t run = percent >= 100 ? burst : std::min(burst, left * percent / (100 - percent));
        return std::max(run, shortest_run);
    }

  private:
    std::atomic<uint32_t> cap_ = unlimited;
    std::atomic<uint64_t> paid_until_ = 0;  // ns of system time
};

}  // namespace ringfold
