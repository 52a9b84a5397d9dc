// SPDX-License-Identifier: Apache-2.0
//
// Whether a domain's vCPUs must not run, because it is paused. A domain that ends cannot be held: its vCPUs have to
// come by once more. No order is needed: whoever changes this then looks at every vCPU under the lock of its home, and
// whoever is to run one asks under such a lock.
#pragma once

#include <atomic>
#include <cstdint>

namespace ringfold {

class Standstill {
  public:
    // Acquire pairs with forbid(): who sees that it is over sees why.
    [[nodiscard]] bool is_on() const { return state_.load(std::memory_order_acquire) == State::on; }

    // False: it was forbidden.
    [[nodiscard]] bool begin() {
        change(State::off, State::on);
        return is_on();
    }
    void end() { change(State::on, State::off); }
    // Ends it, for good.
    void forbid() { state_.store(State::forbidden, std::memory_order_release); }

  private:
    enum class State : uint8_t { off, on, forbidden };

    // Failure: it is so already, or was forbidden, which stays.
    void change(State from, State to) { state_.compare_exchange_strong(from, to, std::memory_order_relaxed); }

    std::atomic<State> state_ = State::off;
};

}  // namespace ringfold
