// SPDX-License-Identifier: Apache-2.0
// guest: icount=1 timeout=60 beside=weights rights=0x84 hosts=qemu
//
// Two domains on one CPU that both want all of it get it in proportion to their weights. Domain 1 gives itself twice
// the normal weight, measures, then half of it, and measures again. Expected: two thirds of the CPU, then one third.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

void spin_until(uint64_t end) {
    while (system_time() < end) {
        relax_counted();
    }
}

// Per mille of the next 400 ms that this vCPU runs.
uint64_t measure_share() {
    spin_until(system_time() + 50 * millisecond);
    const uint64_t ran = vcpu_page().run_time[RINGFOLD_VCPU_RUNNING];
    const uint64_t waited = vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE];
    spin_until(system_time() + 400 * millisecond);
    const uint64_t ran_more = vcpu_page().run_time[RINGFOLD_VCPU_RUNNING] - ran;
    const uint64_t waited_more = vcpu_page().run_time[RINGFOLD_VCPU_RUNNABLE] - waited;
    return ran_more * 1000 / (ran_more + waited_more + 1);
}

void set_weight(uint32_t weight) {
    auto *const parameters = call_buffer<ringfold_domain_schedule>();
    *parameters = {.weight = weight, .cap = RINGFOLD_CAP_NONE, .pool = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, RINGFOLD_DOMAIN_SELF, 0), 0, "setting the weight");
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == 2) {
        spin_until(1300 * millisecond);  // beyond what domain 1 measures
        return;
    }
    set_weight(2 * RINGFOLD_WEIGHT_NORMAL);
    const uint64_t heavy = measure_share();
    check(heavy >= 600 && heavy <= 730, "%lu per mille of the CPU, 667 expected", heavy);
    set_weight(RINGFOLD_WEIGHT_NORMAL / 2);
    const uint64_t light = measure_share();
    check(light >= 270 && light <= 400, "%lu per mille of the CPU, 333 expected", light);
}
