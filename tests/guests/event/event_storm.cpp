// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=1 smp=2 beside=event_storm timeout=90 hosts=qemu
//
// A storm of events from one domain does not starve another: domain 2 sends on 16 connections as fast as it can, domain
// 1 works. Expected: domain 1 gets its work done; while it does not look at its events they cost it one interruption;
// and when it does look, no more upcalls come than looks.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint32_t connections = 16;
constexpr uint64_t work_time = 150 * millisecond;
constexpr uint64_t longest = 30'000 * millisecond;
constexpr uint64_t wanted = 100;  // events that are to be taken from the storm

constinit uint64_t upcalls = 0;

bool count_upcall(Frame &frame) {
    upcalls += frame.vector == entry_upcall ? 1 : 0;
    return false;
}

uint64_t work_for(uint64_t nanoseconds) {
    uint64_t done = 0;
    for (const uint64_t end = system_time() + nanoseconds; system_time() < end; ++done) {
        relax();
    }
    return done;
}

void victim() {
    for (uint32_t port = 1; port <= connections; ++port) {
        check_equal(offer_when_there(2), port, "an offer");
    }
    hypercall(RINGFOLD_HYPERCALL_BLOCK);
    disable_upcalls();
    this_vcpu().hook = count_upcall;

    enable_upcalls();
    const uint64_t before = upcalls;
    check(work_for(work_time) > 1000, "no work is done in the storm");
    // Nothing was taken since: each port can have become pending once, and selected once.
    check(upcalls - before <= connections + 1, "%lu upcalls without a look at the events", upcalls - before);

    uint64_t taken = 0;
    uint64_t looks = 0;
    for (const uint64_t end = system_time() + longest; taken < wanted && system_time() < end; ++looks) {
        disable_upcalls();
        clear_upcall_pending();
        const uint64_t first = upcalls;
        taken += take_events([](uint32_t) {});
        enable_upcalls();
        work_for(100 * microsecond);
        check(upcalls - first <= connections + 1, "%lu upcalls after one look", upcalls - first);
    }
    check(taken >= wanted, "%lu events in %lu looks: there was no storm", taken, looks);
    print("%lu looks, %lu upcalls, %lu events taken\n", looks, upcalls, taken);
    check_status(close_port(1), 0, "closing the first connection");  // which ends the storm
}

void attacker() {
    uint32_t ports[connections] = {};
    for (uint32_t index = 0; index < connections; ++index) {
        ports[index] = connect_when_offered(1, index + 1);
    }
    const uint64_t end = system_time() + 2 * longest;
    uint64_t sent = 0;
    for (bool goes_on = true; goes_on && system_time() < end;) {
        for (const uint32_t port : ports) {
            const Result result = send_event(port);
            if (!result.ok()) {
                fatal_failure("sending: status %ld", result.status);
            }
            goes_on = goes_on && (port != ports[0] || result.value == 1);
            sent += result.value;
        }
    }
    check(sent >= wanted, "%lu events only", sent);
}

}  // namespace

void guest_main() {
    if (start_info().domain_id == 1) {
        victim();
    } else {
        attacker();
    }
}
