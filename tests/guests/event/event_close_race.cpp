// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 timeout=60 hosts=qemu,bochs
//
// Two vCPUs offer, connect, send, move and close the same few ports of their domain at random, so that every operation
// meets every other half way: a connection whose other end closes, closes twice, is reused by another connection.
// Expected: only documented answers; at the end the ends of each connection name each other, and everything can be
// closed.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t steps = 4000;
constexpr uint64_t names = 7;

constinit Barrier barrier{2};
constinit uint64_t seed = 0;
constinit std::atomic<uint64_t> connections{0};  // relaxed: a count
constinit std::atomic<uint64_t> deliveries{0};   // relaxed: a count

void expect(Result result, Words allowed, const char *what) {
    for (const uint64_t status : allowed) {
        if (result.status == -static_cast<int64_t>(status)) {
            return;
        }
    }
    failure("%s: status %ld", what, result.status);
}

void step(Random &random) {
    const auto port = static_cast<uint32_t>(random.below(names));
    const uint64_t vcpu = random.below(2);
    switch (random.below(8)) {
        case 0:
        case 1:
            if (event_limits().ports_bound < names) {
                expect(hypercall(RINGFOLD_HYPERCALL_EVENT_OFFER, RINGFOLD_DOMAIN_SELF, RINGFOLD_DOMAIN_SELF, vcpu), {0},
                       "offering");
            }
            return;
        case 2:
        case 3:
            if (event_limits().ports_bound < names) {
                const Result result = hypercall(RINGFOLD_HYPERCALL_EVENT_CONNECT, RINGFOLD_DOMAIN_SELF, port, vcpu);
                expect(result, {0, RINGFOLD_ENOENT}, "connecting");
                connections.fetch_add(result.ok() ? 1 : 0, std::memory_order_relaxed);
            }
            return;
        case 4:
            expect(close_port(port), {0, RINGFOLD_ENOENT}, "closing");
            return;
        case 5:
            expect(move_port(port, static_cast<uint32_t>(vcpu)), {0, RINGFOLD_ENOENT}, "moving");
            return;
        default: {
            const Result result = send_event(port);
            expect(result, {0, RINGFOLD_ENOENT}, "sending");
            deliveries.fetch_add(result.value, std::memory_order_relaxed);
        }
    }
}

void run(uint64_t self) {
    Random random{seed + 1000 * self};
    barrier.wait();
    for (uint64_t count = 0; count < steps; ++count) {
        step(random);
    }
    barrier.wait();
}

}  // namespace

void guest_main() {
    seed = choose_seed();
    check_status(hypercall(RINGFOLD_HYPERCALL_EVENT_CLOSE, 1), -RINGFOLD_ENOENT, "closing before all");
    start_vcpu(1, run, 1);
    run(0);
    join_vcpu(1);
    print("%lu connections, %lu events\n", connections.load(), deliveries.load());
    check(connections.load() > 20 && deliveries.load() > 20, "the test tried too little");

    uint32_t left = event_limits().ports_bound;
    for (uint32_t port = 1; port < 4 * names; ++port) {
        if (!hypercall(RINGFOLD_HYPERCALL_EVENT_STATUS_READ, port, 0).ok()) {
            continue;
        }
        const ringfold_event_status status = *call_buffer<ringfold_event_status>();
        if (status.kind == RINGFOLD_EVENT_INTERDOMAIN) {
            check_port(status.source, RINGFOLD_EVENT_INTERDOMAIN, port_status(status.source).vcpu,
                       start_info().domain_id, port, "the other end");
        }
        check_status(close_port(port), 0, "closing what is left");
        --left;
    }
    check_equal(left, 0, "ports that were counted and not found");
    check_ports_bound(0, "ports at the end");
}
