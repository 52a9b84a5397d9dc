// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xff smp=2 timeout=60 hosts=qemu,bochs
//
// Pauses are counted, and a paused domain does nothing at all. A child counts in its memory, on this CPU or on the
// other one. Expected: when domain_pause has returned, the count and its run time stand still, however long, until as
// many unpauses came as pauses; a child that was paused before its start begins with the last unpause; a timer that
// fires meanwhile is seen afterwards; a paused child ends when it is told to, and is destroyed.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

#define TIMER_SET "10"
#define BLOCK "8"
static_assert(RINGFOLD_HYPERCALL_TIMER_SET == 10 && RINGFOLD_HYPERCALL_BLOCK == 8);

// Counts at child_buffer (RDI), without end.
CHILD_PROGRAM void child_counts() { asm volatile("1:\tincq (%rdi)\n\tpause\n\tjmp 1b"); }

// Blocks until system time RDI, counts one in the page behind its stack (Child::buffer), and blocks for ever.
CHILD_PROGRAM void child_sleeps() {
    asm volatile("movl $" TIMER_SET ", %eax\n\tcall child_hypercall\n\tmovl $" BLOCK
                 ", %eax\n\tcall child_hypercall\n\t"
                 "incq (%rsp)\n\t1:\tmovl $" BLOCK ", %eax\n\tcall child_hypercall\n\tjmp 1b");
}

namespace {

constexpr uint64_t a_while = 3 * millisecond;

uint64_t count_of(const Child &child) { return read_child_word(child, Child::buffer, 0); }

void wait(uint64_t nanoseconds) {
    for (const uint64_t end = system_time() + nanoseconds; system_time() < end;) {
        relax();
    }
}

// Gives the CPU away, too: the child may share it.
bool leaves(const Child &child, uint64_t count) {
    for (const uint64_t end = system_time() + 5'000 * millisecond; system_time() < end;) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
        if (count_of(child) != count) {
            return true;
        }
    }
    return false;
}

bool counts(const Child &child) { return leaves(child, count_of(child)); }

uint64_t run_time_of(const Child &child, uint32_t pauses) {
    ringfold_domain_info info{};
    check_status(read_domain_info(child.id, info), 0, "domain_describe");
    check_equal(info.pauses, pauses, "pauses in its description");
    check_equal(info.state, RINGFOLD_DOMAIN_RUNNING, "its state");
    return info.run_time;
}

void check_stands_still(const Child &child, uint32_t pauses, const char *what) {
    const uint64_t before = count_of(child);
    const uint64_t run_time = run_time_of(child, pauses);
    wait(a_while);
    hypercall(RINGFOLD_HYPERCALL_YIELD);
    check_equal(count_of(child), before, what);
    check_equal(run_time_of(child, pauses), run_time, what);
}

void pause_a_running_child(uint32_t cpu) {
    const Child child = run_child(child_counts, child_buffer, {.first_cpu = cpu});
    check(counts(child), "a child does not run");
    check_result(pause_domain(child.id), 0, 1, "the first pause");
    check_stands_still(child, 1, "after one pause");
    check_result(pause_domain(child.id), 0, 1, "the second pause");
    check_result(unpause_domain(child.id), 0, 1, "the first unpause");
    check_stands_still(child, 1, "after two pauses and one unpause");
    check_result(unpause_domain(child.id), 0, 0, "the second unpause");
    check(counts(child), "an unpaused child does not run");
    check(run_time_of(child, 0) != 0, "it has run for no time");
    check_result(pause_domain(child.id), 0, 1, "pausing it once more");
    check_status(hypercall(RINGFOLD_HYPERCALL_DOMAIN_SHUTDOWN, child.id, RINGFOLD_SHUTDOWN_REBOOT, 3), 0, "shutdown");
    const ringfold_domain_info info = await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check_equal(info.shutdown_reason, RINGFOLD_SHUTDOWN_REBOOT, "reason");
    check_equal(info.pauses, 0, "pauses of a domain that has ended");
    check_status(destroy_domain(child.id), 0, "destroying it");
}

void pause_before_the_start() {
    const Child child = create_child();
    fill_child(child);
    check_result(pause_domain(child.id), 0, 1, "pausing what is being built");
    check_status(start_child(child, child_context(child, child_counts, child_buffer)), 0, "starting it");
    check_stands_still(child, 1, "it was never unpaused");
    check_equal(count_of(child), 0, "steps of a child that was never unpaused");
    check_result(unpause_domain(child.id), 0, 0, "unpausing it");
    check(counts(child), "it does not begin");
    check_result(pause_domain(child.id), 0, 1, "pausing it");
    check_status(destroy_domain(child.id), 0, "destroying a paused child");
}

void pause_a_sleeper() {
    const uint64_t deadline = system_time() + 300 * millisecond;  // time enough to make a child
    const Child child = run_child(child_sleeps, deadline);
    wait(a_while);
    check_result(pause_domain(child.id), 0, 1, "pausing a sleeper");
    check_equal(count_of(child), 0, "it sleeps when it is paused");
    check(system_time() < deadline, "it was paused too late");
    wait(deadline + a_while - system_time());
    hypercall(RINGFOLD_HYPERCALL_YIELD);
    check_equal(count_of(child), 0, "its timer has fired, but it is paused");
    check_result(unpause_domain(child.id), 0, 0, "unpausing it");
    check(leaves(child, 0), "it does not wake up");  // it may have done so by now: another CPU idles
    check_status(destroy_domain(child.id), 0, "destroying it");
}

}  // namespace

void guest_main() {
    pause_a_running_child(0);
    pause_a_running_child(1);
    pause_before_the_start();
    pause_a_sleeper();
}
