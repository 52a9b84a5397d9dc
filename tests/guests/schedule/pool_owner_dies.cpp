// SPDX-License-Identifier: Apache-2.0
// guest: smp=2 timeout=60 rights=0xff hosts=qemu,bochs
//
// In a pool that is one to one, the CPU of a domain that was destroyed is free again: for another domain, which could
// not start before, and to be taken out of the pool. A start that was refused for want of a CPU leaves nothing behind.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/schedule.h>

using namespace guest;

namespace {

constexpr uint32_t pool = 5;

Child child_in_pool() {
    const Child child = create_child();
    fill_child(child);
    *call_buffer<ringfold_domain_schedule>() = {.weight = 256, .cap = 0, .pool = pool, .reserved = 0};
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SCHEDULE_SET, child.id, 0), 0, "moving it to the pool");
    return child;
}

int64_t start(const Child &child) { return start_child(child, child_context(child, child_spins)).status; }

void take_cpu(int64_t status, const char *what) {
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 1, 0), status, what);
}

}  // namespace

void guest_main() {
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, pool, RINGFOLD_POOL_ONE_TO_ONE), 0, "the mode");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_CPU_MOVE, 1, pool), 0, "a CPU for the pool");
    const Child first = child_in_pool();
    const Child second = child_in_pool();
    check_equal(static_cast<uint64_t>(start(first)), 0, "the first one");
    for (unsigned tried = 0; tried < 3; ++tried) {
        check_equal(static_cast<uint64_t>(start(second)), static_cast<uint64_t>(-RINGFOLD_EBUSY), "the second one");
    }
    take_cpu(-RINGFOLD_EBUSY, "taking a CPU that is owned");
    check_status(destroy_domain(first.id), 0, "destroying the owner");
    check_equal(static_cast<uint64_t>(start(second)), 0, "the second one, with a free CPU");
    take_cpu(-RINGFOLD_EBUSY, "taking the CPU from its new owner");
    check_status(destroy_domain(second.id), 0, "destroying the new owner");
    take_cpu(0, "taking a CPU that nobody owns");
    check_status(hypercall(RINGFOLD_HYPERCALL_POOL_MODE_SET, pool, RINGFOLD_POOL_SHARED), 0,
                 "the mode of an empty pool");
}
