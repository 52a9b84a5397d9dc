// SPDX-License-Identifier: Apache-2.0
//
// How long a CPU had nothing to run. All of it is one word, so that another CPU that reads it never sees half of a
// change: while the CPU has work, the nanoseconds that it idled; while it idles, a mark and the time since which it
// would have idled all along.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace ringfold {

class IdleClock {
  public:
    // On its own CPU, in turns. `now` in nanoseconds since boot.
    void begin(uint64_t now) {
        // Only this CPU stores it; the release pairs with the load in idled(), so that the time read there is no
        // earlier.
        const uint64_t idled = state_.load(std::memory_order_relaxed);
        state_.store(idling | (now - idled), std::memory_order_release);
    }
    void end(uint64_t now) {
        state_.store(idled_by(state_.load(std::memory_order_relaxed), now), std::memory_order_release);
    }

    // On any CPU: until now(), which is asked anew if the CPU fell asleep or woke up meanwhile.
    template <typename Clock>
    [[nodiscard]] uint64_t idled(Clock &&now) const {
        for (;;) {
            const uint64_t state = state_.load(std::memory_order_acquire);
            const uint64_t time = now();
            std::atomic_signal_fence(std::memory_order_seq_cst);
            if (state_.load(std::memory_order_acquire) == state) {
                return idled_by(state, time);
            }
        }
    }

  private:
    static constexpr uint64_t idling = uint64_t{1} << 63;  // 292 years of nanoseconds fit below

    // Clocks of CPUs may differ by a little: what has not begun yet by the reader's counts as nothing.
    [[nodiscard]] static uint64_t idled_by(uint64_t state, uint64_t now) {
        const uint64_t since = state & ~idling;
        return (state & idling) == 0 ? state : now - std::min(now, since);
    }

    std::atomic<uint64_t> state_ = 0;
};

}  // namespace ringfold
