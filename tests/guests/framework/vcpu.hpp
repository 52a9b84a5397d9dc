// SPDX-License-Identifier: Apache-2.0
//
// The virtual CPUs: their shared page, what the framework keeps for each, and starting another one.
#pragma once

#include "framework/entry_frame.hpp"
#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"

#include <ringfold/vcpu.h>

#include <atomic>
#include <cstdint>

namespace guest {

inline constexpr uint64_t max_vcpus = 8;

// The calling vCPU's own page. Volatile: the gate, the hypervisor and other vCPUs write it.
inline volatile ringfold_vcpu_page &vcpu_page() {
    return *reinterpret_cast<volatile ringfold_vcpu_page *>(RINGFOLD_VCPU_PAGE_ADDRESS);
}
inline uint32_t this_vcpu_id() { return vcpu_page().vcpu_id; }

// Sees an entry before the framework does; true: it is dealt with, return to where it came from.
using EntryHook = bool (*)(Frame &frame);

struct Entry;
struct Vcpu {
    uint64_t recovery = 0;  // where catch_entry() resumes (entries.cpp); 0: an entry is unexpected
    Entry *caught = nullptr;
    EntryHook hook = nullptr;
    MachineFrame root{0};
    std::atomic<uint64_t> upcalls{0};  // relaxed: a count
};
Vcpu &this_vcpu();
Vcpu &vcpu(uint32_t id);

// Sets up the calling vCPU: call buffer, stacks; vCPU 0 registers the entry points, which the others inherit.
void set_up_vcpu(MachineFrame root);

using VcpuFunction = void (*)(uint64_t argument);

// Fills the context in which `id` runs function(argument), on the caller's root, and then stops.
void fill_vcpu_context(ringfold_vcpu_context &context, uint32_t id, VcpuFunction function, uint64_t argument);
// Starts it; what cannot fail in a sound test is fatal.
void start_vcpu(uint32_t id, VcpuFunction function, uint64_t argument = 0);
// Waits until it has stopped.
void join_vcpu(uint32_t id);

// The pseudo-physical frame of vCPU `id`'s page (allocated at the first use).
PhysicalFrame vcpu_page_frame(uint32_t id);

// Waits, yielding, until the word has the value; ERROR after ten seconds.
void wait_for(const std::atomic<uint64_t> &word, uint64_t value);

// All of `count` vCPUs wait here for one another; reusable.
class Barrier {
  public:
    explicit constexpr Barrier(uint64_t count) : count_(count) {}
    void wait();

  private:
    uint64_t count_;
    // acq_rel arrivals, acquire waits: what a vCPU wrote before the barrier is seen by all behind it.
    std::atomic<uint64_t> arrived_{0};
};

}  // namespace guest
