// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60 rights=0xff hosts=qemu
//
// A domain that is destroyed while its cap holds it up ends at once: nobody waits until its next allowance, which at
// one per cent of a CPU would take ten milliseconds and more. How long it takes to take it apart is another matter.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/schedule.h>

using namespace guest;

namespace {

// Without PAUSE: see relax_counted().
CHILD_PROGRAM void spin() { asm volatile("1:\tjmp 1b"); }

uint32_t state_of(uint32_t domain) {
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    return info.state;
}

// Lets the domain have the CPU meanwhile, which it needs to end.
void end(uint32_t domain) {
    check_equal(state_of(domain), RINGFOLD_DOMAIN_RUNNING, "its state");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_DESTROY, domain), -RINGFOLD_EAGAIN, "destroying what runs");
    while (state_of(domain) != RINGFOLD_DOMAIN_ENDED) {
        hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, system_time() + 50 * microsecond);
    }
}

}  // namespace

void guest_main() {
    for (uint64_t round = 0; round < 5; ++round) {
        const Child child = run_child(spin);
        *call_buffer<ringfold_domain_schedule>() = {.weight = 256, .cap = 1, .pool = 0, .reserved = 0};
        check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, child.id, 0), 0, "setting the cap");
        hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, system_time() + 20 * millisecond + round * 777 * microsecond);
        const uint64_t begin = system_time();
        end(child.id);
        const uint64_t took = system_time() - begin;
        check(took < 2 * millisecond, "its end took %lu ns", took);
        check_status(destroy_domain(child.id), 0, "destroying it");
    }
}
