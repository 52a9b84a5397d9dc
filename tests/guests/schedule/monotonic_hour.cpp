// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=4 smp=4 icount=1 timeout=120
//
// An hour of virtual time (-icount, where a machine that sleeps takes no time): four vCPUs on four CPUs sleep for
// between 1 ms and 30 s, wake together and hand the latest time that anybody read around. Expected: time never goes
// back, whichever CPU it is read on, nobody wakes too early or much too late, and each CPU's time-stamp counter agrees
// on how long it took.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t second = 1'000 * millisecond;
constexpr uint64_t hour = 3'600 * second;
constexpr uint64_t steps[] = {millisecond, 30 * second, 50 * millisecond, 3 * second, 400 * millisecond};
constexpr uint64_t reads_awake = 200;
constexpr uint64_t latest_wake = 100 * millisecond;
constexpr uint64_t most_drift = 10;  // parts of a million

constinit std::atomic<uint64_t> latest{0};
constinit std::atomic<uint64_t> wakes{0};
constinit std::atomic<uint64_t> begin{0};

uint64_t read_and_compare(uint64_t self) {
    // Acquire pairs with the release below: whoever stored `before` read it before this vCPU reads the time.
    uint64_t before = latest.load(std::memory_order_acquire);
    const uint64_t now = system_time();
    if (now < before) {
        fatal_failure("vCPU %lu: time went back by %lu ns, %lu s from the begin", self, before - now,
                      (now - begin.load()) / second);
    }
    while (before < now && !latest.compare_exchange_weak(before, now, std::memory_order_acq_rel)) {
    }
    return now;
}

void sleep_until(uint64_t time) {
    for (uint64_t now = system_time(); now < time; now = system_time()) {
        hypercall(RINGFOLD_HYPERCALL_BLOCK_UNTIL, time);
    }
}

void live_for_an_hour(uint64_t self) {
    const uint64_t end = begin.load() + hour;
    uint64_t wake = begin.load();
    for (unsigned step = 0; wake < end; ++step) {
        wake += steps[step % std::size(steps)];
        sleep_until(wake);
        const uint64_t now = read_and_compare(self);
        check(now < wake + latest_wake, "vCPU %lu woke %lu us late", self, (now - wake) / microsecond);
        for (unsigned read = 0; read < reads_awake; ++read) {
            read_and_compare(self);
        }
        wakes.fetch_add(1, std::memory_order_relaxed);
    }
}

// Ticks of the time-stamp counter a second, from a moment on until now.
struct Moment {
    uint64_t time = system_time();
    uint64_t ticks = read_tsc();
};
uint64_t ticks_a_second(const Moment &from) {
    const Moment now;
    return (now.ticks - from.ticks) / ((now.time - from.time) / millisecond) * 1000;
}

}  // namespace

void guest_main() {
    const Moment first;
    sleep_until(first.time + second);
    const uint64_t rate = ticks_a_second(first);
    begin.store(system_time());
    for (uint32_t vcpu = 1; vcpu < 4; ++vcpu) {
        start_vcpu(vcpu, live_for_an_hour, vcpu);
    }
    live_for_an_hour(0);
    for (uint32_t vcpu = 1; vcpu < 4; ++vcpu) {
        join_vcpu(vcpu);
    }
    const uint64_t rate_of_all = ticks_a_second(first);
    const uint64_t drift = (rate > rate_of_all ? rate - rate_of_all : rate_of_all - rate) * 1'000'000 / rate;
    check(drift <= most_drift, "system time drifts by %lu parts of a million against the time-stamp counter", drift);
    check(system_time() - begin.load() >= hour, "it was no hour");
    print("%lu wake-ups in %lu s, the latest time read %lu ns\n", wakes.load(), (system_time() - begin.load()) / second,
          latest.load());
}
