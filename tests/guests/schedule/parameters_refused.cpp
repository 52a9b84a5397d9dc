// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 rights=0x84 hosts=qemu,bochs
//
// What cannot be right is refused with the error that the reference names, and changes nothing: weights, caps and pools
// out of range, affinities without a CPU, words that are reserved, vCPUs, domains, pools and CPUs that are not there,
// and a pool's last CPU.
#include "framework/guest.hpp"

#include <ringfold/domain.h>
#include <ringfold/schedule.h>

using namespace guest;

namespace {

constexpr uint64_t self = RINGFOLD_DOMAIN_SELF;
constexpr uint64_t no_buffer = call_buffer_size;
constexpr int64_t einval = -RINGFOLD_EINVAL;
constexpr int64_t erange = -RINGFOLD_ERANGE;
constexpr int64_t enoent = -RINGFOLD_ENOENT;
constexpr int64_t efault = -RINGFOLD_EFAULT;
constexpr int64_t ebusy = -RINGFOLD_EBUSY;

ringfold_domain_schedule domain_now() {
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, self, 0), 0, "asking for the domain");
    return *call_buffer<ringfold_domain_schedule>();
}
ringfold_vcpu_schedule vcpu_now() {
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, self, 1, 0), 0, "asking for the vCPU");
    return *call_buffer<ringfold_vcpu_schedule>();
}

void refuse(const ringfold_domain_schedule &parameters, int64_t status, const char *what) {
    *call_buffer<ringfold_domain_schedule>() = parameters;
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, self, 0), status, what);
    const ringfold_domain_schedule now = domain_now();
    check_equal(now.weight, 300, "weight afterwards");
    check_equal(now.cap, 6400, "cap afterwards");
    check_equal(now.pool, 0, "pool afterwards");
    check_equal(now.reserved, 0, "reserved afterwards");
}

void refuse(const ringfold_vcpu_schedule &parameters, int64_t status, const char *what) {
    *call_buffer<ringfold_vcpu_schedule>() = parameters;
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, self, 1, 0), status, what);
    const ringfold_vcpu_schedule now = vcpu_now();
    check_equal(now.affinity, 2, "affinity afterwards");
    check_equal(now.preferred, 3, "preference afterwards");
}

void check_pool(uint64_t pool, uint64_t cpus, uint32_t mode, uint32_t domains) {
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_DESCRIBE, pool, 0), 0, "describing the pool");
    const auto *const info = call_buffer<ringfold_pool_info>();
    check_equal(info->cpus, cpus, "CPUs of the pool");
    check_equal(info->mode, mode, "mode of the pool");
    check_equal(info->domains, domains, "domains in the pool");
}

void domains() {
    *call_buffer<ringfold_domain_schedule>() = {.weight = 300, .cap = 6400, .pool = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, self, 0), 0, "good parameters");
    refuse({.weight = 0, .cap = 0, .pool = 0, .reserved = 0}, erange, "weight 0");
    refuse({.weight = 65536, .cap = 0, .pool = 0, .reserved = 0}, erange, "weight 65536");
    refuse({.weight = ~0u, .cap = 0, .pool = 0, .reserved = 0}, erange, "the largest weight");
    refuse({.weight = 1, .cap = 6401, .pool = 0, .reserved = 0}, erange, "cap 6401");
    refuse({.weight = 1, .cap = ~0u, .pool = 0, .reserved = 0}, erange, "the largest cap");
    refuse({.weight = 1, .cap = 0, .pool = 8, .reserved = 0}, erange, "pool 8");
    refuse({.weight = 1, .cap = 0, .pool = 256, .reserved = 0}, erange, "pool 256");
    refuse({.weight = 1, .cap = 0, .pool = 0, .reserved = 1}, einval, "reserved 1");
    refuse({.weight = 1, .cap = 0, .pool = 7, .reserved = 0}, ebusy, "a pool without a CPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, self, no_buffer), efault, "no such buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, self, no_buffer), efault, "no such buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, 77, 0), enoent, "no such domain");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_GET, 77, 0), enoent, "no such domain");
}

void vcpus() {
    *call_buffer<ringfold_vcpu_schedule>() = {.affinity = 2, .preferred = 3, .cpu = 0, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, self, 1, 0), 0, "good parameters");
    refuse({.affinity = 0, .preferred = 1, .cpu = 0, .reserved = 0}, einval, "no affinity");
    refuse({.affinity = 0x8000'0000'0000'0000, .preferred = 1, .cpu = 0, .reserved = 0}, einval,
           "no CPU of this machine");
    refuse({.affinity = 1, .preferred = 0, .cpu = 0, .reserved = 0}, einval, "no preference");
    refuse({.affinity = 1, .preferred = 1, .cpu = 1, .reserved = 0}, einval, "cpu 1");
    refuse({.affinity = 1, .preferred = 1, .cpu = 0, .reserved = 1}, einval, "reserved 1");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, self, 2, 0), enoent, "no such vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, self, 2, 0), enoent, "no such vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_GET, self, 64, 0), enoent, "no such vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_VCPU_SCHEDULE_SET, self, 1, no_buffer), efault, "no such buffer");
}

void pools() {
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_DESCRIBE, 8, 0), erange, "pool 8");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_DESCRIBE, 0, no_buffer), efault, "no such buffer");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 2, 1), enoent, "no such CPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 64, 1), enoent, "no such CPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 1, 8), erange, "pool 8");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, 0, RINGFOLD_POOL_ONE_TO_ONE), ebusy, "a pool in use");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, 1, 2), einval, "mode 2");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, 8, 0), erange, "pool 8");
    check_pool(0, 3, RINGFOLD_POOL_SHARED, 1);
    check_pool(1, 0, RINGFOLD_POOL_SHARED, 0);
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 1, 1), 0, "moving a CPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 0, 1), ebusy, "moving the last CPU of a pool in use");
    check_pool(0, 1, RINGFOLD_POOL_SHARED, 1);
    check_pool(1, 2, RINGFOLD_POOL_SHARED, 0);
}

}  // namespace

void guest_main() {
    domains();
    vcpus();
    pools();
    check_status(hypercall(RINGFOLD_HYPERCALL_YIELD_TO, 2), enoent, "yielding to no vCPU");
    check_status(hypercall(RINGFOLD_HYPERCALL_YIELD_TO, 0), einval, "yielding to oneself");
    check_result(hypercall(RINGFOLD_HYPERCALL_YIELD_TO, 1), 0, 0, "yielding to one that is offline");
}
