// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 beside=hello rights=0x80 hosts=qemu,bochs
//
// A domain without the right cannot schedule, not even itself: or it would take what others are to have. It may read
// its own parameters. Expected: EPERM from each call, and its parameters as they were.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

constexpr uint64_t self = RINGFOLD_DOMAIN_SELF;
constexpr int64_t eperm = -RINGFOLD_EPERM;

void check_unchanged() {
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, self, 0), 0, "own parameters");
    const ringfold_domain_schedule domain = *call_buffer<ringfold_domain_schedule>();
    check_equal(domain.weight, RINGFOLD_WEIGHT_NORMAL, "weight");
    check_equal(domain.cap, RINGFOLD_CAP_NONE, "cap");
    check_equal(domain.pool, 0, "pool");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, self, 1, 0), 0, "an own vCPU's parameters");
    const ringfold_vcpu_schedule vcpu = *call_buffer<ringfold_vcpu_schedule>();
    check_equal(vcpu.affinity, ~uint64_t{0}, "affinity");
    check_equal(vcpu.preferred, ~uint64_t{0}, "preference");
}

}  // namespace

void guest_main() {
    check_unchanged();
    for (const uint64_t domain : {self, uint64_t{start_info().domain_id}, uint64_t{2}, uint64_t{77}}) {
        *call_buffer<ringfold_domain_schedule>() = {.weight = 65535, .cap = 0, .pool = 0, .reserved = 0};
        check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, domain, 0), eperm, "setting a domain's");
        *call_buffer<ringfold_vcpu_schedule>() = {.affinity = 1, .preferred = 1, .cpu = 0, .reserved = 0};
        check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, domain, 1, 0), eperm, "setting a vCPU's");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, 2, 0), eperm, "reading another domain's");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, 77, 0, 0), eperm, "reading that of none");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_DESCRIBE, 0, 0), eperm, "describing a pool");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 1, 1), eperm, "moving a CPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, 1, 1), eperm, "setting a pool's mode");
    const Result before = hypercall(RINGFOLD_HYPERCALL_WALL_CLOCK_GET);
    check_status(hypercall(RINGFOLD_HYPERCALL_WALL_CLOCK_SET, 1), eperm, "setting the clock");
    check_result(hypercall(RINGFOLD_HYPERCALL_WALL_CLOCK_GET), 0, before.value, "the clock afterwards");
    check_unchanged();
}
