// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 vcpus=2 timeout=60
//
// Attack: two vCPUs on two CPUs pause, unpause and destroy the same child at the same time. Expected: each answer is
// one that the calls document for some order; each pause is taken back once and no more; and a child always comes to
// its end, paused or not.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr unsigned rounds = 40;
constexpr unsigned tries = 30;

constinit Barrier barrier{2};
constinit std::atomic<uint32_t> target{0};  // relaxed: the barrier orders it

// Without waiting for the vCPU to stop. The answer of a domain that ends at this moment is among those that may come.
void pause_and_unpause(uint32_t domain) {
    const Result paused = hypercall(RINGFOLD_HYPERCALL_DOMAIN_PAUSE, domain, 0);
    const int64_t status = paused.status;
    check(status == 0 || status == -RINGFOLD_EAGAIN || status == -RINGFOLD_EBUSY || status == -RINGFOLD_ENOENT,
          "pausing: status %ld", status);
    check_equal(paused.value, status == 0 || status == -RINGFOLD_EAGAIN ? 1 : 0, "is it counted");
    if (paused.value == 1) {
        const int64_t taken_back = unpause_domain(domain).status;
        // Meanwhile the domain may have ended, which ends all pauses, or be gone.
        check(taken_back == 0 || taken_back == -RINGFOLD_EINVAL || taken_back == -RINGFOLD_ENOENT,
              "unpausing: status %ld", taken_back);
    }
}

void rival(uint64_t) {
    for (unsigned round = 0; round < 2 * rounds; ++round) {
        barrier.wait();
        for (unsigned count = 0; count < tries; ++count) {
            pause_and_unpause(target.load(std::memory_order_relaxed));
        }
        barrier.wait();
    }
}

void pause_against_pause(unsigned round) {
    const Child child =
        run_child(round % 2 == 0 ? child_spins : child_blocks_for_ever, 0, {.first_cpu = round / 2 % 2});
    target.store(child.id, std::memory_order_relaxed);
    barrier.wait();
    for (unsigned count = 0; count < tries; ++count) {
        pause_and_unpause(child.id);
    }
    barrier.wait();
    ringfold_domain_info info{};
    check_status(read_domain_info(child.id, info), 0, "domain_describe");
    check_equal(info.pauses, 0, "pauses after all were taken back");
    check_equal(info.state, RINGFOLD_DOMAIN_RUNNING, "its state");
    check_status(unpause_domain(child.id), -RINGFOLD_EINVAL, "one unpause too many");
    check_status(destroy_domain(child.id), 0, "destroying it");
}

void pause_against_destroy(unsigned round) {
    const Child child =
        run_child(round % 2 == 0 ? child_spins : child_blocks_for_ever, 0, {.first_cpu = round / 2 % 2});
    check_result(pause_domain(child.id), 0, 1, "a pause that nobody takes back");
    target.store(child.id, std::memory_order_relaxed);
    barrier.wait();
    for (const uint64_t end = system_time() + round * 20 * microsecond; system_time() < end;) {
        relax();
    }
    check_status(destroy_domain(child.id), 0, "destroying what is being paused");
    barrier.wait();
    check_status(destroy_domain(child.id), -RINGFOLD_ENOENT, "destroying it again");
}

}  // namespace

void guest_main() {
    start_vcpu(1, rival);
    for (unsigned round = 0; round < rounds; ++round) {
        pause_against_pause(round);
        pause_against_destroy(round);
    }
    join_vcpu(1);
}
