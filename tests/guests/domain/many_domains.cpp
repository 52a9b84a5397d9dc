// SPDX-License-Identifier: Apache-2.0
// guest: rights=0x83 memory=32M machine=4096 icount=1 timeout=300
//
// A thousand tiny domains on one machine of 4 GiB, each of which wakes by its timer, again and again. Expected:
// creating the 1,000th takes no longer than creating the 10th did (at most half as long again), an idle domain costs
// the hypervisor at most 40 KiB, each of them wakes, and all of their memory is back when they are destroyed. (With
// -icount: a time is a number of instructions.)
#include "framework/child.hpp"
#include "framework/guest.hpp"

#include <ringfold/debug.h>

using namespace guest;

#define TIMER_SET "10"
#define BLOCK "8"
static_assert(RINGFOLD_HYPERCALL_TIMER_SET == 10 && RINGFOLD_HYPERCALL_BLOCK == 8);
#define VCPU_PAGE "0xffff800000050000"
static_assert(RINGFOLD_VCPU_PAGE_ADDRESS == 0xffff'8000'0005'0000 && RINGFOLD_UPCALL_PENDING_OFFSET == 41);
#define PERIOD "1000000000" /* ns */

// Wakes at system time RDI, and every PERIOD from then on; counts at the end of its stack, in Child::buffer.
CHILD_PROGRAM void child_wakes() {
    asm volatile("movq %rdi, %rbx\n\tmovabsq $" VCPU_PAGE
                 ", %rbp\n"
                 "1:\tmovq %rbx, %rdi\n\tmovl $" TIMER_SET
                 ", %eax\n\tcall child_hypercall\n\t"
                 "movl $" BLOCK
                 ", %eax\n\tcall child_hypercall\n\t"
                 "xorl %eax, %eax\n\txchgb %al, 41(%rbp)\n\tincq (%rsp)\n\taddq $" PERIOD ", %rbx\n\tjmp 1b");
}

namespace {

constexpr unsigned domains = 1000;
constexpr unsigned around = 9;  // creations whose median counts
constexpr uint64_t period = 1'000 * millisecond;
constexpr uint64_t wakes = 3;
constexpr uint64_t most_per_domain = 40 * 1024;

constinit Child children[domains];
constinit uint64_t took[domains];

uint64_t free_frames() {
    check_status(hypercall(RINGFOLD_HYPERCALL_COUNTERS_READ, 0), 0, "counters_read");
    return call_buffer<ringfold_counters>()->free_frames;
}

// Of the creations around number `number`.
uint64_t median_around(unsigned number) {
    uint64_t sorted[around];
    for (unsigned count = 0; count < around; ++count) {
        uint64_t value = took[number - around + count];
        for (unsigned place = 0; place < count; ++place) {
            if (value < sorted[place]) {
                const uint64_t larger = sorted[place];
                sorted[place] = value;
                value = larger;
            }
        }
        sorted[count] = value;
    }
    return sorted[around / 2];
}

// Their wake-ups are spread over the period.
void create_all() {
    for (unsigned index = 0; index < domains; ++index) {
        const uint64_t begin = system_time();
        children[index] = run_child(child_wakes, begin + period + index * (period / domains), {.name = "tiny"});
        took[index] = system_time() - begin;
    }
}

void check_that_all_wake() {
    for (const uint64_t end = system_time() + (wakes + 2) * period; system_time() < end;) {
        arm_timer(100 * millisecond);
        hypercall(RINGFOLD_HYPERCALL_BLOCK);
    }
    for (const Child &child : children) {
        const uint64_t count = read_child_word(child, Child::buffer, 0);
        check(count >= wakes, "d%u woke %lu times", child.id, count);
    }
}

}  // namespace

void guest_main() {
    const uint64_t before = free_frames();
    create_all();
    const uint64_t used = before - free_frames();
    const uint64_t tenth = median_around(10);
    const uint64_t last = median_around(domains);
    const uint64_t per_domain = (used - domains * Child::pages) * page_size / domains;
    print("creation: the 10th %lu us, the 1,000th %lu us; %lu bytes of the hypervisor's memory per domain\n",
          tenth / microsecond, last / microsecond, per_domain);
    check(last * 2 <= tenth * 3, "creating a domain takes the longer the more there are");
    check(used >= domains * Child::pages, "%lu frames are used", used);
    check(per_domain <= most_per_domain, "%lu bytes per idle domain", per_domain);
    check_that_all_wake();
    for (const Child &child : children) {
        check_status(destroy_domain(child.id), 0, "destroying one of them");
    }
    const uint64_t after = free_frames();
    check(after + 64 >= before, "%lu frames are lost", before - after);  // empty slabs are kept, one of each size
}
