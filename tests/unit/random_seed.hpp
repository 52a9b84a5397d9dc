// SPDX-License-Identifier: Apache-2.0
//
// The seed of a random test: new in every run, printed, and settable by RINGFOLD_SEED to repeat a run.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace ringfold::test {

inline uint64_t random_seed() {
    const char *given = std::getenv("RINGFOLD_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::printf("RINGFOLD_SEED=%llu\n", static_cast<unsigned long long>(seed));
    return seed;
}

}  // namespace ringfold::test
