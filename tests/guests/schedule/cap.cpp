// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60 rights=0x84 hosts=qemu
//
// A cap holds although nobody else wants the CPU, and ends when it is lifted. Expected: with a cap of 25 % a quarter of
// the time running and the rest runnable (not blocked); afterwards all of it.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

void set_cap(uint32_t cap) {
    auto *const parameters = call_buffer<ringfold_domain_schedule>();
    *parameters = {.weight = RINGFOLD_WEIGHT_NORMAL, .cap = cap, .pool = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, RINGFOLD_DOMAIN_SELF, 0), 0, "setting the cap");
}

struct Times {
    uint64_t now;
    uint64_t runnable;
    uint64_t blocked;
};
Times read_times() {
    return {system_time(), vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE], vcpu_page().run_time[RINGFOLD_VCPU_BLOCKED]};
}

// Per mille of the next 800 ms that this vCPU waits for the CPU.
uint64_t measure_wait() {
    const Times begin = read_times();
    while (system_time() < begin.now + 800 * millisecond) {
        relax_counted();
    }
    const Times end = read_times();
    check_equal(end.blocked, begin.blocked, "time blocked");
    return (end.runnable - begin.runnable) * 1000 / (end.now - begin.now);
}

}  // namespace

void guest_main() {
    set_cap(25);
    const uint64_t capped = measure_wait();
    check(capped >= 700 && capped <= 780, "waits for %lu per mille of the time, 750 expected", capped);
    set_cap(RINGFOLD_CAP_NONE);
    const uint64_t free = measure_wait();
    check(free <= 20, "waits for %lu per mille of the time without a cap", free);
}
