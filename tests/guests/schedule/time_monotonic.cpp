// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=4 smp=4 timeout=60 hosts=qemu,bochs
//
// System time never goes back, whichever CPU it is read on: four vCPUs hand the latest time that anybody read around,
// and none may read less, while they block, yield and move between CPUs.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t length = 500 * millisecond;
constexpr uint64_t least_reads = 300;  // of each vCPU, however little time it gets

constinit std::atomic<uint64_t> latest{0};
constinit std::atomic<uint64_t> reads{0};
constinit std::atomic<uint64_t> end{0};

void read_and_compare(uint64_t self) {
    uint64_t count = 0;
    for (uint64_t now = 0; now < end.load(std::memory_order_relaxed) || count < least_reads; ++count) {
        // Acquire pairs with the release below: whoever stored `before` read it before this vCPU reads the time.
        uint64_t before = latest.load(std::memory_order_acquire);
        now = system_time();
        if (now < before) {
            fatal_failure("vCPU %lu: time went back by %lu ns", self, before - now);
        }
        while (before < now && !latest.compare_exchange_weak(before, now, std::memory_order_acq_rel)) {
        }
        if (count % 512 == self) {
            hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, now + 50 * microsecond);
        } else if (count % 512 == 256 + self) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
    }
    reads.fetch_add(count, std::memory_order_relaxed);
}

}  // namespace

void guest_main() {
    end.store(system_time() + length);
    for (uint32_t vcpu = 1; vcpu < 4; ++vcpu) {
        start_vcpu(vcpu, read_and_compare, vcpu);
    }
    read_and_compare(0);
    for (uint32_t vcpu = 1; vcpu < 4; ++vcpu) {
        join_vcpu(vcpu);
    }
    print("%lu reads\n", reads.load());
}
