// SPDX-License-Identifier: Apache-2.0
//
// The machine, for unit tests: what stands here replaces the hypervisor's own definition (see CMakeLists.txt).
#include "hypervisor/lib/lock_rank.hpp"
#include "hypervisor/mm/machine_seam.hpp"

#include <cstdio>
#include <cstdlib>

namespace ringfold {

// A thread stands for a CPU.
HeldLocks &held_locks() {
    static thread_local HeldLocks held;
    return held;
}

void lock_order_broken(LockRank rank) {
    std::fprintf(stderr, "lock of rank %u taken out of order\n", static_cast<unsigned>(rank));
    std::abort();
}

void machine::invariant_broken(const char *why) {
    std::fprintf(stderr, "broken invariant: %s\n", why);
    std::abort();
}

}  // namespace ringfold
