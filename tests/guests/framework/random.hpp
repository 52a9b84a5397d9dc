// SPDX-License-Identifier: Apache-2.0
//
// Random numbers for tests that try much; the seed is printed, and one given on the guest's command line (seed=...)
// repeats a run.
#pragma once

#include <cstdint>

namespace guest {

class Random {
  public:
    explicit constexpr Random(uint64_t seed) : state_(seed | 1) {}
    // xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
    uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545'f491'4f6c'dd1d;
    }
    uint64_t below(uint64_t limit) { return (next() >> 16) % limit; }

  private:
    uint64_t state_;
};

// From the command line or the TSC; printed.
uint64_t choose_seed();

}  // namespace guest
