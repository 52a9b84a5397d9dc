// SPDX-License-Identifier: Apache-2.0
#include "framework/random.hpp"

#include "framework/command_line.hpp"
#include "framework/console.hpp"
#include "framework/instructions.hpp"

namespace guest {

uint64_t choose_seed() {
    const uint64_t seed = command_line_number("seed", read_tsc());
    print("seed=%lu\n", seed);
    return seed;
}

}  // namespace guest
