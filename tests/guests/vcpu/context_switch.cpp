// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=3 smp=1 timeout=60 hosts=qemu,bochs
//
// Three vCPUs share one processor. What is not saved by the gate must survive a vCPU switch: general and vector
// registers, x87 and MXCSR, FS and GS bases, segment selectors, TLS descriptors, debug registers. Each vCPU fills all
// with its own values, yields, and compares, many times; in between it also waits without yielding, so that it is
// preempted.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr unsigned rounds = 200;
constexpr uint64_t vcpus = 3;

constinit Barrier barrier{vcpus};

struct alignas(16) Vector128 {
    uint64_t words[2];
};

struct State {
    Vector128 first, last;
    uint32_t mxcsr;
    uint16_t x87_control, selector;
    uint64_t fs_base, gs_base;
};

void fill(const State &state) {
    asm volatile(
        "movdqa %0, %%xmm0\n\tmovdqa %1, %%xmm15\n\tldmxcsr %2\n\tfldcw %3\n\tmovw %4, %%es" ::"m"(state.first),
        "m"(state.last), "m"(state.mxcsr), "m"(state.x87_control), "m"(state.selector)
        : "memory");
    write_fs_base(state.fs_base);
    write_gs_base(state.gs_base);
}

State read() {
    State state{};
    asm volatile("movdqa %%xmm0, %0\n\tmovdqa %%xmm15, %1\n\tstmxcsr %2\n\tfnstcw %3\n\tmovw %%es, %4"
                 : "=m"(state.first), "=m"(state.last), "=m"(state.mxcsr), "=m"(state.x87_control),
                   "=m"(state.selector));
    state.fs_base = read_fs_base();
    state.gs_base = read_gs_base();
    return state;
}

State state_of(uint64_t id, uint64_t round) {
    const uint64_t mark = id << 32 | round;
    State state{};
    state.first = {{mark, ~mark}};
    state.last = {{mark + 1, ~mark - 1}};
    state.mxcsr = id == 0 ? 0x1f80U : id == 1 ? 0x3f80U : 0x5f80U;  // rounding modes
    state.x87_control = static_cast<uint16_t>(0x037f | id << 10);
    state.selector = static_cast<uint16_t>(id == 0 ? 0 : id == 1 ? RINGFOLD_USER_DS : RINGFOLD_TLS_FIRST_INDEX * 8 + 3);
    state.fs_base = 0x1000'0000 + mark;
    state.gs_base = 0x2000'0000'0000 + mark;
    return state;
}

void compare(const State &is, const State &was, uint64_t id) {
    check(is.first.words[0] == was.first.words[0] && is.first.words[1] == was.first.words[1], "vCPU %lu: XMM0", id);
    check(is.last.words[0] == was.last.words[0] && is.last.words[1] == was.last.words[1], "vCPU %lu: XMM15", id);
    check(is.mxcsr == was.mxcsr, "vCPU %lu: MXCSR 0x%x", id, is.mxcsr);
    check(is.x87_control == was.x87_control, "vCPU %lu: x87 control word 0x%x", id, is.x87_control);
    check(is.selector == was.selector, "vCPU %lu: ES 0x%x", id, is.selector);
    check(is.fs_base == was.fs_base, "vCPU %lu: FS base 0x%lx", id, is.fs_base);
    check(is.gs_base == was.gs_base, "vCPU %lu: GS base 0x%lx", id, is.gs_base);
}

void run(uint64_t id) {
    constexpr uint64_t data_descriptor = 0x00cf'f200'0000'ffff;
    check_status(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_SET, 3, 0x1000 * (id + 1)), 0, "DR3");
    if (id == 2) {
        check_status(hypercall(RINGFOLD_HYPERCALL_THREAD_DESCRIPTOR_SET, 0, data_descriptor), 0, "a TLS slot");
    }
    barrier.wait();
    const uint64_t kernel_gs = read_gs_base();
    for (uint64_t round = 0; round < rounds; ++round) {
        const State was = state_of(id, round);
        fill(was);
        if (round % 50 == 49) {
            for (const uint64_t end = system_time() + 15 * millisecond; system_time() < end;) {
                relax();
            }
        } else {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
        }
        const State is = read();
        write_gs_base(kernel_gs);
        compare(is, was, id);
    }
    check_result(hypercall(RINGFOLD_HYPERCALL_DEBUG_REGISTER_GET, 3), 0, 0x1000 * (id + 1), "DR3 at the end");
    barrier.wait();
}

}  // namespace

void guest_main() {
    start_vcpu(1, run, 1);
    start_vcpu(2, run, 2);
    run(0);
    join_vcpu(1);
    join_vcpu(2);
}
