// SPDX-License-Identifier: Apache-2.0
//
// Fences for what ordinary acquire and release do not order.
#pragma once

#include "hypervisor/cpu/registers.hpp"

#include <cstdint>

namespace ringfold {

// Every load and store before is done, and nothing after has begun. For MSR writes that act on other agents without
// being serialising (Intel SDM vol. 3, 10.12.3).
inline void memory_and_load_fence() { asm volatile("mfence\n\tlfence" : : : "memory"); }

// The count after everything before it is done (SDM vol. 2, RDTSC).
[[nodiscard]] inline uint64_t read_tsc_in_order() {
    asm volatile("lfence" : : : "memory");
    return read_tsc();
}

}  // namespace ringfold
