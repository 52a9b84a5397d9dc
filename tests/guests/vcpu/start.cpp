// SPDX-License-Identifier: Apache-2.0
// guest: vcpus=2 smp=2 hosts=qemu,bochs
//
// A second vCPU starts where it is told, in ring 1, with its own page, argument, FS and GS bases, the virtual interrupt
// flag 0, the starter's entry points and an empty call buffer; runs beside the first; stops, and can be started again.
// Expected also: vcpu_state follows, and starting a vCPU that runs is refused.
#include "framework/guest.hpp"

using namespace guest;

namespace {

constexpr uint64_t argument = 0xfeed'f00d;
constexpr uint64_t first_gs_base = 0x0000'1111'0000'0000;
constexpr uint64_t first_fs_base = 0x0000'2222'0000'0000;

struct Seen {
    uint64_t argument, vcpu_id, cs, flags, interrupt_flag, gs_base, fs_base;
};
constinit Seen seen{};
constinit std::atomic<uint64_t> phase{0};  // release/acquire: `seen` is complete at 1

extern "C" [[gnu::naked]] void second_entry() {
    // What the framework would overwrite is looked at first.
    asm volatile("rdgsbase %rsi\n\trdfsbase %rdx\n\tpushfq\n\tpopq %rcx\n\tmovq %cs, %r8\n\tcall second_vcpu\n\tud2");
}

extern "C" [[gnu::used, noreturn]] void second_vcpu(uint64_t given, uint64_t gs_base, uint64_t fs_base, uint64_t flags,
                                                    uint64_t cs) {
    seen = {given, vcpu_page().vcpu_id, cs, flags, vcpu_page().interrupt_flag, gs_base, fs_base};
    set_up_vcpu({start_info().root});
    const Entry entry = catch_entry([] { asm volatile("int3"); });
    check_equal(entry.frame.vector, breakpoint, "the inherited entry points");
    phase.store(1, std::memory_order_release);
    wait_for(phase, 2);
    hypercall(RINGFOLD_HYPERCALL_VCPU_STOP);
    fatal_failure("a stopped vCPU went on");
}

void start_second() {
    ringfold_vcpu_context &context = *call_buffer<ringfold_vcpu_context>();
    fill_vcpu_context(context, 1, nullptr, 0);
    context.rip = reinterpret_cast<uint64_t>(second_entry);
    context.argument = argument;
    context.gs_base = first_gs_base;
    context.fs_base = first_fs_base;
    check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0), 0, "starting it");
}

}  // namespace

void guest_main() {
    for (unsigned round = 0; round < 3; ++round) {
        phase.store(0, std::memory_order_relaxed);
        check_result(hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1), 0, RINGFOLD_VCPU_OFFLINE, "state before the start");
        start_second();
        wait_for(phase, 1);
        check_equal(seen.argument, argument, "argument");
        check_equal(seen.vcpu_id, 1, "vCPU number in its page");
        check_equal(seen.cs, RINGFOLD_KERNEL_CS, "CS");
        check_equal(seen.flags & (flag_interrupt | flag_io_privilege | flag_direction), flag_interrupt, "RFLAGS");
        check_equal(seen.interrupt_flag, 0, "virtual interrupt flag");
        check_equal(seen.gs_base, first_gs_base, "GS base");
        check_equal(seen.fs_base, first_fs_base, "FS base");
        const Result state = hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, 1);
        check(state.ok() && (state.value == RINGFOLD_VCPU_RUNNING || state.value == RINGFOLD_VCPU_RUNNABLE),
              "state while it runs: %ld %lu", state.status, state.value);
        fill_vcpu_context(*call_buffer<ringfold_vcpu_context>(), 1, nullptr, 0);
        check_status(hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, 1, 0), -RINGFOLD_EEXIST, "starting it again");
        check_equal(this_vcpu_id(), 0, "our own page");
        phase.store(2, std::memory_order_release);
        join_vcpu(1);
    }
}
