// SPDX-License-Identifier: Apache-2.0
//
// A virtual CPU. What its registers are while it does not run, what it registered, and what it holds.
//
// Who may touch what: `schedule` belongs to the scheduler (under the run-queue lock of `home`). Everything else is
// touched only by the physical CPU on which the vCPU runs, or by whoever starts it while it is offline; the exceptions
// are the page's pending flag and what is atomic.
#pragma once

#include "hypervisor/domain/call_buffer.hpp"
#include "hypervisor/domain/local_descriptor_table.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/held_frames.hpp"

#include <ringfold/vcpu.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold {

struct Domain;

enum class VcpuState : uint8_t {
    offline,
    starting,  // being set up by whoever starts it
    runnable,
    running,
    blocked,
    stopping,  // asked to go offline; becomes so when its registers are off the physical CPU
};

// The state as the vCPU page shows it.
[[nodiscard]] constexpr uint32_t abi_state(VcpuState state) {
    switch (state) {
        case VcpuState::offline:
        case VcpuState::starting:
            return RINGFOLD_VCPU_OFFLINE;
        case VcpuState::runnable:
            return RINGFOLD_VCPU_RUNNABLE;
        case VcpuState::blocked:
            return RINGFOLD_VCPU_BLOCKED;
        case VcpuState::running:
        case VcpuState::stopping:
            return RINGFOLD_VCPU_RUNNING;
    }
    return RINGFOLD_VCPU_OFFLINE;
}

// Segment state that only a vCPU switch saves and loads (DESIGN: "not loaded on entry").
struct SegmentState {
    uint16_t ds = 0;
    uint16_t es = 0;
    uint16_t fs = 0;
    uint16_t gs = 0;
    uint64_t fs_base = 0;
    uint64_t gs_base = 0;  // the active one; the inactive one is in the vCPU page
};

struct DebugRegisters {
    static constexpr uint64_t control_reset = 0x400;  // bit 10 reads as 1 (Intel SDM vol. 3B, 18.2.4)
    std::array<uint64_t, 4> address{};
    uint64_t control = control_reset;
    uint64_t absorbed_status = 0;  // DR6 bits of debug exceptions on gate text, kept for the next delivery
};

// An exception that the hypervisor proper delivers on the next return to the guest.
struct PendingException {
    uint8_t vector;
    uint64_t error;
};

// Queue links of the scheduler; see sched/run_queue.hpp.
struct ScheduleEntry {
    VcpuState state = VcpuState::offline;
    struct Vcpu *next = nullptr;
    struct Vcpu *next_timer = nullptr;  // all vCPUs of a home CPU that have a timer armed
    uint64_t timer_deadline = 0;        // ns of system time; 0: disarmed
    uint64_t slice_end = 0;             // ns of system time
    uint64_t state_since = 0;           // ns of system time
};

struct Vcpu {
    Vcpu(Domain &owner, VcpuId number, CpuId cpu) : domain(owner), id(number), home(cpu) {}
    Vcpu(const Vcpu &) = delete;
    Vcpu &operator=(const Vcpu &) = delete;

    Domain &domain;
    const VcpuId id;
    const CpuId home;  // the physical CPU it runs on
    ScheduleEntry schedule;

    EntryFrame registers{};
    SegmentState segments;
    DebugRegisters debug;
    void *extended_state = nullptr;  // XSAVE area, 64-byte aligned
    ringfold_vcpu_entries entries{};
    std::array<uint64_t, RINGFOLD_TLS_COUNT> thread_descriptors{};
    uint64_t cpu_number_descriptor = 0;
    LocalDescriptorTable local_descriptors;
    CallBuffer call_buffer;

    TypeReference root;                  // the L4 it runs on
    bool root_must_flush = true;         // what was cached for the root is not to be used at the next entry
    TypeReference page_hold;             // its shared page, held writable
    ringfold_vcpu_page *page = nullptr;  // through the direct map; written by the guest at any moment

    PendingException pending_exception{};
    bool has_pending_exception = false;
};

}  // namespace ringfold
