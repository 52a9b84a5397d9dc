// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 timeout=40
//
// A domain is destroyed at any moment of its life: blocked, spinning on this CPU or on another, just started, while it
// ends by itself, ended. Expected: destroying always comes to its end, says 0 once and ENOENT from then on.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

void destroy(const Child &child, const char *what) {
    check_status(destroy_domain(child.id), 0, what);
    check_status(destroy_domain(child.id), -RINGFOLD_ENOENT, what);
}

void wait(uint64_t nanoseconds) {
    const uint64_t end = system_time() + nanoseconds;
    while (system_time() < end) {
        relax();
    }
}

}  // namespace

void guest_main() {
    for (uint32_t cpu = 0; cpu < 2; ++cpu) {
        for (const uint64_t delay : Words{0, 10 * microsecond, 300 * microsecond, 3 * millisecond}) {
            Child child = run_child(child_spins, 0, {.first_cpu = cpu});
            wait(delay);
            destroy(child, "one that spins");
            child = run_child(child_blocks_for_ever, 0, {.first_cpu = cpu});
            wait(delay);
            destroy(child, "one that blocks");
            child = run_child(child_powers_off, 0, {.first_cpu = cpu});
            wait(delay);
            destroy(child, "one that ends");
        }
    }
    const Child child = create_child();
    fill_child(child);
    destroy(child, "one that never ran");
}
