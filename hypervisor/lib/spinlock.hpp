// SPDX-License-Identifier: Apache-2.0
//
// A ticket lock: first come, first served, so no CPU starves. Not for direct use: data lives inside its lock
// (locked.hpp).
#pragma once

#include <atomic>
#include <cstdint>

namespace ringfold {

class TicketLock {
  public:
    void lock() {
        const uint32_t ticket = next_.fetch_add(1, std::memory_order_relaxed);
        // Acquire pairs with the release in unlock(): what the previous holder wrote is seen.
        while (serving_.load(std::memory_order_acquire) != ticket) {
            asm volatile("pause" : : : "memory");
        }
    }

    [[nodiscard]] bool try_lock() {
        uint32_t serving = serving_.load(std::memory_order_acquire);
        // Success: nobody held a ticket beyond the one served, and now we do. Failure: somebody holds or waits.
        return next_.compare_exchange_strong(serving, serving + 1, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }

    // Only the holder changes serving_, so a plain increment is enough.
    void unlock() { serving_.store(serving_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  private:
    std::atomic<uint32_t> next_ = 0;
    std::atomic<uint32_t> serving_ = 0;
};

}  // namespace ringfold
