// SPDX-License-Identifier: Apache-2.0
#include "framework/vcpu.hpp"

#include "framework/call_buffer.hpp"
#include "framework/entries.hpp"
#include "framework/instructions.hpp"
#include "framework/memory.hpp"
#include "framework/time.hpp"
#include "framework/verdict.hpp"

namespace guest {
namespace {

constexpr uint64_t stack_size = 4 * page_size;
constexpr uint64_t patience = 10'000'000'000;  // ns

struct Stacks {
    alignas(page_size) uint8_t main[stack_size];
    uint8_t entry[stack_size];      // deliveries from ring 3
    uint8_t emergency[stack_size];  // double faults
};

constinit Stacks stacks[max_vcpus] = {};
constinit Vcpu vcpus[max_vcpus] = {};
constinit PhysicalFrame pages[max_vcpus] = {};

struct Start {
    VcpuFunction function;
    uint64_t argument;
    MachineFrame root;
};
constinit Start starts[max_vcpus] = {};

uint64_t top_of(uint8_t (&stack)[stack_size]) { return reinterpret_cast<uint64_t>(stack) + stack_size; }

[[noreturn]] void run_started_vcpu(uint64_t id) {
    const Start &start = starts[id];
    set_up_vcpu(start.root);
    start.function(start.argument);
    hypercall(RINGFOLD_HYPERCALL_VCPU_STOP);
    fatal_failure("a stopped vCPU went on");
}

}  // namespace

Vcpu &vcpu(uint32_t id) { return vcpus[id]; }
Vcpu &this_vcpu() { return vcpus[this_vcpu_id()]; }

void set_up_vcpu(MachineFrame root) {
    const uint32_t id = this_vcpu_id();
    set_up_call_buffer();
    vcpus[id].root = root;
    vcpu_page().kernel_stack = top_of(stacks[id].entry);
    vcpu_page().emergency_stack = top_of(stacks[id].emergency);
    vcpu_page().kernel_gs_base = reinterpret_cast<uint64_t>(&vcpus[id]);
    vcpu_page().user_gs_base = 0;
    write_gs_base(reinterpret_cast<uint64_t>(&vcpus[id]));
    if (id == 0) {
        register_entries(default_entries());
    }
}

PhysicalFrame vcpu_page_frame(uint32_t id) {
    if (id == 0) {
        return {start_info().vcpu_page};
    }
    if (pages[id].number == 0) {
        pages[id] = allocate_frame();
    }
    return pages[id];
}

void fill_vcpu_context(ringfold_vcpu_context &context, uint32_t id, VcpuFunction function, uint64_t argument) {
    starts[id] = {function, argument, this_vcpu().root};
    context = {};
    context.rip = reinterpret_cast<uint64_t>(run_started_vcpu);
    context.rsp = top_of(stacks[id].main) - sizeof(uint64_t);  // as behind a CALL
    context.argument = id;
    context.root = this_vcpu().root.number;
    context.vcpu_page = machine_frame(vcpu_page_frame(id)).number;
}

void start_vcpu(uint32_t id, VcpuFunction function, uint64_t argument) {
    fill_vcpu_context(*call_buffer<ringfold_vcpu_context>(), id, function, argument);
    const Result result = hypercall_to_its_end(RINGFOLD_HYPERCALL_VCPU_START, id, 0);
    if (!result.ok()) {
        fatal_failure("vcpu_start(%u): status %ld", id, result.status);
    }
}

void join_vcpu(uint32_t id) {
    const uint64_t deadline = system_time() + patience;
    for (;;) {
        const Result state = hypercall(RINGFOLD_HYPERCALL_VCPU_STATE, id);
        if (state.ok() && state.value == RINGFOLD_VCPU_OFFLINE) {
            return;
        }
        if (system_time() > deadline) {
            error("vCPU %u does not stop", id);
        }
        hypercall(RINGFOLD_HYPERCALL_YIELD);
    }
}

void wait_for(const std::atomic<uint64_t> &word, uint64_t value) {
    const uint64_t deadline = system_time() + patience;
    // Acquire pairs with the store that announces the value.
    for (unsigned spins = 1; word.load(std::memory_order_acquire) != value; ++spins) {
        relax();
        if (spins % 1024 == 0) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
            if (system_time() > deadline) {
                error("waited in vain for %lu, have %lu", value, word.load(std::memory_order_relaxed));
            }
        }
    }
}

void Barrier::wait() {
    const uint64_t ticket = arrived_.fetch_add(1, std::memory_order_acq_rel);
    const uint64_t target = (ticket / count_ + 1) * count_;
    const uint64_t deadline = system_time() + patience;
    for (unsigned spins = 1; arrived_.load(std::memory_order_acquire) < target; ++spins) {
        relax();
        if (spins % 1024 == 0) {
            hypercall(RINGFOLD_HYPERCALL_YIELD);
            if (system_time() > deadline) {
                error("a vCPU does not come to the barrier");
            }
        }
    }
}

}  // namespace guest
