// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 icount=1 timeout=60 beside=yield_to_pair hosts=qemu
//
// Attack: the two vCPUs of a domain keep yielding to each other, so that the third vCPU on their CPU, of another
// domain, never has its turn. Expected: it has its third of the CPU, for a directed yield gives away what the two have
// and not what the others have.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t pair_end = 800 * millisecond;  // system time
constexpr uint64_t hog_end = pair_end + 50 * millisecond;

constinit std::atomic<uint64_t> started{0};

// Yields granted.
uint64_t yield_to_until(uint64_t partner, uint64_t end) {
    uint64_t granted = 0;
    while (system_time() < end) {
        for (unsigned turn = 0; turn < 20'000; ++turn) {
            relax_counted();
        }
        granted += hypercall(RINGFOLD_HYPERCALL_YIELD_TO, partner).value;
    }
    return granted;
}

void second(uint64_t) {
    started.store(1, std::memory_order_release);
    yield_to_until(0, pair_end);
}

uint64_t ran(uint32_t vcpu) {
    return reinterpret_cast<const volatile ringfold_vcpu_page *>(linear_address(vcpu_page_frame(vcpu)))
        ->run_time[RINGFOLD_VCPU_RUNNING];
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == 2) {
        while (system_time() < hog_end) {
            relax_counted();
        }
        return;
    }
    start_vcpu(1, second);
    wait_for(started, 1);
    const uint64_t begin = system_time();
    const uint64_t ran_before = ran(0) + ran(1);
    const uint64_t granted = yield_to_until(1, pair_end - 50 * millisecond);
    const uint64_t ran_now = ran(0) + ran(1);
    const uint64_t share = (ran_now - ran_before) * 1000 / (system_time() - begin);
    join_vcpu(1);
    check(granted > 100, "only %lu yields", granted);
    check(share >= 600 && share <= 730, "two of three vCPUs have %lu per mille of the CPU, 667 expected", share);
}
