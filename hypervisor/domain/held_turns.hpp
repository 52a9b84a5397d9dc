// SPDX-License-Identifier: Apache-2.0
//
// When to stop trying domains whose frames others hold. CPUs take turns at a queue of them, several at once; one that
// has nothing else to do may sleep when each domain had a turn since anything was last freed, and not before: what
// waits is woken by nothing.
//
// Not locked: lives inside the lock of the queue.
#pragma once

#include <cstdint>

namespace ringfold {

class HeldTurns {
  public:
    using Moment = uint64_t;

    // A turn begins. What is freed from now on, it may have missed.
    [[nodiscard]] Moment begin() const { return freed_; }

    // A turn took something apart that may have been in another domain's way.
    void freed_something() {
        ++freed_;
        fruitless_ = 0;
    }

    // The turn that began at `begun` freed nothing, and its domain is one of `waiting` in the queue again. False: no
    // turn is any use now.
    [[nodiscard]] bool try_another(Moment begun, unsigned waiting) {
        if (begun != freed_ || ++fruitless_ < waiting) {
            return true;
        }
        fruitless_ = 0;
        return false;
    }

  private:
    Moment freed_ = 0;
    unsigned fruitless_ = 0;  // turns since then
};

}  // namespace ringfold
