// SPDX-License-Identifier: Apache-2.0
#include "framework/random.hpp"

#include "framework/console.hpp"
#include "framework/instructions.hpp"
#include "framework/memory.hpp"

namespace guest {
namespace {

constexpr char key[] = "seed=";

// The text behind the first "seed=" of the command line, or null.
const char *seed_text() {
    for (const char *start = start_info().command_line; *start != '\0'; ++start) {
        unsigned matched = 0;
        while (key[matched] != '\0' && start[matched] == key[matched]) {
            ++matched;
        }
        if (key[matched] == '\0') {
            return start + matched;
        }
    }
    return nullptr;
}

}  // namespace

uint64_t choose_seed() {
    uint64_t seed = 0;
    const char *text = seed_text();
    if (text == nullptr) {
        seed = read_tsc();
    } else {
        for (; *text >= '0' && *text <= '9'; ++text) {
            seed = seed * 10 + static_cast<uint64_t>(*text - '0');
        }
    }
    print("seed=%lu\n", seed);
    return seed;
}

}  // namespace guest
