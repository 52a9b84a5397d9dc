// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 timeout=40
//
// Attack: a domain is destroyed at the moment when its vCPU blocks for ever, on another CPU: who ends it has seen it
// run, and it has not seen that it ends. Expected: destroying always comes to its end. The moment is swept over: what a
// child does before it blocks takes a different time in each round.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr unsigned rounds = 150;
constexpr uint64_t step = 4 * microsecond;

}  // namespace

void guest_main() {
    for (unsigned round = 0; round < rounds; ++round) {
        const Child child = run_child(child_blocks_for_ever, 0, {.first_cpu = 1});
        const uint64_t end = system_time() + round * step;
        while (system_time() < end) {
            relax();
        }
        check_status(destroy_domain(child.id), 0, "one that is about to block, or has");
    }
}
