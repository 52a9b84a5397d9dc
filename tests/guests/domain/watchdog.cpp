// SPDX-License-Identifier: Apache-2.0
// guest: rights=0xdf smp=2 timeout=60 hosts=qemu,bochs
//
// A domain's watchdog: when its deadline comes the domain is shut down with the reason that nobody can ask for,
// whatever its vCPU is doing, and not before. Expected: so for a child that spins and one that blocks; one that moves
// the deadline on or disarms it lives; while it is paused its watchdog stands still; an armed watchdog of a domain that
// is destroyed fires on nobody.
#include "framework/child.hpp"
#include "framework/guest.hpp"

using namespace guest;

#define WATCHDOG_SET "movl %0, %%eax\n\tcall child_hypercall\n\t"
#define BLOCK_FOR_EVER "1:\tmovl %1, %%eax\n\tcall child_hypercall\n\tjmp 1b"
#define NUMBERS ::"i"(RINGFOLD_HYPERCALL_WATCHDOG_SET), "i"(RINGFOLD_HYPERCALL_BLOCK)

// Deadline RDI.
CHILD_PROGRAM void child_is_watched_and_spins() { asm volatile(WATCHDOG_SET "1:\tpause\n\tjmp 1b" NUMBERS); }
CHILD_PROGRAM void child_is_watched_and_blocks() { asm volatile(WATCHDOG_SET BLOCK_FOR_EVER NUMBERS); }
// Arms it, moves it on to the end of time, or (the deadline is even) disarms it, and blocks.
CHILD_PROGRAM void child_moves_it_on() {
    asm volatile(WATCHDOG_SET "andl $1, %%edi\n\tnegq %%rdi\n\t" WATCHDOG_SET BLOCK_FOR_EVER NUMBERS);
}

namespace {

constexpr uint64_t a_while = 20 * millisecond;

void wait_until(uint64_t time) {
    while (system_time() < time) {
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

uint32_t state_of(const Child &child) {
    ringfold_domain_info info{};
    check_status(read_domain_info(child.id, info), 0, "domain_describe");
    return info.state;
}

void check_expires(void (*program)(), uint64_t deadline, uint32_t cpu, const char *what) {
    const Child child = run_child(program, deadline, {.first_cpu = cpu});
    const ringfold_domain_info info = await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    check(system_time() >= deadline, "%s ended before its time", what);
    check_equal(info.shutdown_reason, RINGFOLD_SHUTDOWN_WATCHDOG, what);
    check_equal(info.shutdown_code, 0, what);
    check_status(destroy_domain(child.id), 0, what);
}

// On a busy machine a child may not come to move its deadline before it is over: one with more time is then tried.
void check_lives(bool disarms, const char *what) {
    bool lives = false;
    for (uint64_t time = a_while; !lives && time <= 32 * a_while; time *= 2) {
        const uint64_t deadline = (system_time() + time) & ~1ULL;
        const Child child = run_child(child_moves_it_on, disarms ? deadline : deadline + 1);
        wait_until(deadline + a_while);
        lives = state_of(child) == RINGFOLD_DOMAIN_RUNNING;
        check_status(destroy_domain(child.id), 0, what);
    }
    check(lives, "%s is ended all the same", what);
}

// The child spins on the other CPU: it has armed the watchdog before it is paused.
void check_pause() {
    const uint64_t deadline = system_time() + 4 * a_while;
    const Child child = run_child(child_is_watched_and_spins, deadline, {.first_cpu = 1});
    wait_until(deadline - 2 * a_while);
    check_result(pause_domain(child.id), 0, 1, "pausing it");
    const uint64_t paused = system_time();
    wait_until(deadline + a_while);
    check_equal(state_of(child), RINGFOLD_DOMAIN_RUNNING, "its deadline comes while it is paused");
    check_result(unpause_domain(child.id), 0, 0, "unpausing it");
    const uint64_t unpaused = system_time();
    await_domain_state(child.id, RINGFOLD_DOMAIN_ENDED);
    if (paused < deadline) {
        check(system_time() >= unpaused + (deadline - paused) - millisecond, "the pause counts as time");
    }
    check_status(destroy_domain(child.id), 0, "destroying it");
}

}  // namespace

void guest_main() {
    for (uint32_t cpu = 0; cpu < 2; ++cpu) {
        check_expires(child_is_watched_and_spins, system_time() + a_while, cpu, "one that spins");
        check_expires(child_is_watched_and_blocks, system_time() + a_while, cpu, "one that blocks");
        check_expires(child_is_watched_and_blocks, 1, cpu, "a deadline in the past");
    }
    check_lives(false, "one that moves its deadline on");
    check_lives(true, "one that disarms it");
    check_pause();

    check_status(hypercall(RINGFOLD_HYPERCALL_WATCHDOG_SET, ~0ULL), 0, "a deadline in 584 years");
    const uint64_t deadline = system_time() + 2 * a_while;
    const Child child = run_child(child_is_watched_and_blocks, deadline);
    wait_until(deadline - a_while);
    check_status(destroy_domain(child.id), 0, "destroying a watched child");
    wait_until(deadline + a_while);
}
