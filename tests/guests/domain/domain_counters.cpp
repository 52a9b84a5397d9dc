// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2
//
// What a domain, and a CPU, did is counted. Expected: the caller's counters grow by exactly what it did; a child that
// does something else does not change them, and has its own; all CPUs together have what the machine has, and what its
// domains did; CPUs are seen to idle, and not more than there is time; refusals are exact, and nothing is written then.
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

#include <algorithm>
#include <cstring>
#include <iterator>

using namespace guest;

namespace {

constexpr uint64_t unknown = std::size(ringfold_counters{}.hypercalls) - 1;
constexpr unsigned cpus = 2;

ringfold_counters counters_of(uint32_t domain) {
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, domain, 0), 0, "domain_counters_read");
    return *call_buffer<ringfold_counters>();
}

ringfold_counters counters_of_cpu(unsigned cpu) {
    check_status(hypercall(RINGFOLD_HYPERCALL_CPU_COUNTERS_READ, cpu, 0), 0, "cpu_counters_read");
    return *call_buffer<ringfold_counters>();
}

ringfold_counters counters_of_machine() {
    check_status(hypercall(RINGFOLD_HYPERCALL_COUNTERS_READ, 0), 0, "counters_read");
    return *call_buffer<ringfold_counters>();
}

// The call buffer holds one of them at a time: what is compared is copied first.
uint64_t sum_of_cpus(uint64_t (*value)(const ringfold_counters &)) {
    uint64_t sum = 0;
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        sum += value(counters_of_cpu(cpu));
    }
    return sum;
}
uint64_t versions(const ringfold_counters &counters) { return counters.hypercalls[RINGFOLD_HYPERCALL_VERSION]; }
uint64_t sends(const ringfold_counters &counters) { return counters.hypercalls[RINGFOLD_HYPERCALL_EVENT_SEND]; }
uint64_t blocks(const ringfold_counters &counters) { return counters.hypercalls[RINGFOLD_HYPERCALL_BLOCK]; }
uint64_t idle_time(const ringfold_counters &counters) { return counters.idle_time; }

uint64_t run_time(uint32_t domain) {
    ringfold_domain_info info{};
    check_status(read_domain_info(domain, info), 0, "domain_describe");
    return info.run_time;
}

// Reads only its own domain in between: the reading is a hypercall, too.
void count_own() {
    const uint32_t port = bind_ipi(0);
    const ringfold_counters before = counters_of(RINGFOLD_DOMAIN_SELF);
    for (unsigned call = 0; call < 5; ++call) {
        (void)version(0);
    }
    (void)hypercall(0x7777);
    (void)hypercall(~0ULL);
    check(send_event(port).ok(), "sending is refused");
    check_status(send_event(port + 1), -RINGFOLD_ENOENT, "sending on a port that is not there");
    const ringfold_counters after = counters_of(start_info().domain_id);
    check_equal(versions(after) - versions(before), 5, "calls");
    check_equal(after.hypercalls[unknown] - before.hypercalls[unknown], 2, "unknown calls");
    check_equal(sends(after) - sends(before), 2, "sends");
    check_equal(after.events_sent - before.events_sent, 1, "events that were sent");
    check_equal(after.hypercalls[RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ], 2, "readings");
    const uint64_t entries = after.entries - before.entries;
    check(entries >= 10 && entries <= 10 + after.interrupts - before.interrupts,
          "%lu entries for ten calls and %lu interrupts", entries, after.interrupts - before.interrupts);
    check(after.run_time > before.run_time, "it has run for no time");
    check_equal(after.idle_time, 0, "idle time of a domain");
    check_equal(after.free_frames, 0, "free frames of a domain");
    check_status(close_port(port), 0, "closing");
}

void count_child() {
    const uint64_t others = blocks(counters_of_machine());
    const Child child = run_child(child_blocks_for_ever);
    ringfold_counters its = counters_of(child.id);
    for (const uint64_t end = system_time() + 5'000 * millisecond; blocks(its) == 0 && system_time() < end;
         its = counters_of(child.id)) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
    for (uint64_t number = 0; number <= unknown; ++number) {
        check_equal(its.hypercalls[number], number == RINGFOLD_HYPERCALL_BLOCK ? 1 : 0, "its hypercalls");
    }
    check(its.entries != 0 && its.vcpu_switches != 0, "%lu entries, %lu switches", its.entries, its.vcpu_switches);
    check_equal(blocks(counters_of(RINGFOLD_DOMAIN_SELF)), 0, "the caller's blocks");
    check_equal(blocks(counters_of_machine()) - others, 1, "the machine's blocks");
    check_equal(sum_of_cpus(blocks) - others, 1, "the blocks of all CPUs");
    const uint64_t least = run_time(child.id);
    const uint64_t counted = counters_of(child.id).run_time;
    const uint64_t most = run_time(child.id);
    check(least != 0 && least <= counted && counted <= most, "run times %lu, counted %lu, %lu", least, counted, most);
    check_status(destroy_domain(child.id), 0, "destroying it");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, child.id, 0), -RINGFOLD_ENOENT, "it is gone");
}

// The caller keeps one CPU busy, whichever; nobody is there for the other.
void count_cpus() {
    const uint64_t begin = system_time();
    const uint64_t idled = sum_of_cpus(idle_time);
    while (system_time() < begin + 20 * millisecond) {
        relax();
    }
    const uint64_t more = sum_of_cpus(idle_time) - idled;
    const uint64_t elapsed = system_time() - begin;
    check(more >= 10 * millisecond && more <= elapsed + millisecond, "CPUs idled %lu of %lu ns", more, elapsed);
    const uint64_t own = versions(counters_of(RINGFOLD_DOMAIN_SELF));
    check_equal(sum_of_cpus(versions), own, "the calls of all CPUs");
    check_equal(versions(counters_of_machine()), own, "the calls of the machine");
}

void refuse() {
    constexpr uint8_t untouched = 0x5a;
    std::memset(call_buffer_bytes(), untouched, page_size);
    for (const uint64_t nobody : Words{0, 3000, RINGFOLD_DOMAIN_LAST, 0xffff'ffff}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, nobody, 0), -RINGFOLD_ENOENT, "no such domain");
    }
    // 0x1'0001 is 1 in the 16 bits of a CPU's number.
    for (const uint64_t cpu : Words{cpus, 63, 64, 0x1'0001, 0xffff'ffff}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_CPU_COUNTERS_READ, cpu, 0), -RINGFOLD_ENOENT, "no such CPU");
    }
    check_status(hypercall(RINGFOLD_HYPERCALL_CPU_COUNTERS_READ, 0x1'0000'0000, 0), -RINGFOLD_ERANGE,
                 "CPU 0 in 32 bits");
    const uint64_t end = call_buffer_size - sizeof(ringfold_counters) + 8;
    for (const uint64_t offset : Words{end, ~0ULL - 7}) {
        check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_COUNTERS_READ, RINGFOLD_DOMAIN_SELF, offset), -RINGFOLD_EFAULT,
                     "past the call buffer");
        check_status(hypercall(RINGFOLD_HYPERCALL_CPU_COUNTERS_READ, 0, offset), -RINGFOLD_EFAULT,
                     "past the call buffer");
    }
    check(std::all_of(call_buffer_bytes(), call_buffer_bytes() + page_size,
                      [](uint8_t byte) { return byte == untouched; }),
          "the call buffer was written by what was refused");
}

}  // namespace

void guest_main() {
    count_own();
    count_child();
    count_cpus();
    refuse();
}
