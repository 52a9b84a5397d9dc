// SPDX-License-Identifier: Apache-2.0
//
// A virtual CPU. What its registers are while it does not run, what it registered, and what it holds.
//
// Who may touch what: `schedule` belongs to the scheduler, and so do the page's run-state fields (under the run-queue
// lock of the vCPU's home). Everything else is touched only by the physical CPU on which the vCPU runs (the next one
// sees what it wrote: the run-queue locks lie between), or by whoever starts it while it is offline; the exceptions are
// the page's pending flag, what is atomic, `counts`, which others read, and `events` with the event pages (under the
// domain's event lock).
#pragma once

#include "hypervisor/cpu/counts.hpp"
#include "hypervisor/domain/call_buffer.hpp"
#include "hypervisor/domain/local_descriptor_table.hpp"
#include "hypervisor/event/event_vcpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/mm/held_frames.hpp"
#include "hypervisor/sched/schedule_entry.hpp"

#include <ringfold/vcpu.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace ringfold {

struct Domain;

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
    uint32_t stop_status = 0;      // DR6 of the one that stopped the vCPU for a debugger; 0: none did
};

// An exception that the hypervisor proper delivers on the next return to the guest.
struct PendingException {
    uint8_t vector;
    uint64_t error;
};

struct Vcpu {
    // It runs on `cpu` first.
    Vcpu(Domain &owner, VcpuId number, CpuId cpu);
    Vcpu(const Vcpu &) = delete;
    Vcpu &operator=(const Vcpu &) = delete;

    Domain &domain;
    const VcpuId id;
    ScheduleEntry schedule;
    Vcpu *next_ended = nullptr;  // in a list of those that went offline together

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

    EventVcpu events{this, id};
    std::array<TypeReference, RINGFOLD_EVENT_PAGES> event_pages;  // those that `events` knows

    Counts counts;  // what happened while it was on a CPU, written by that CPU (cpu/count.hpp)

    PendingException pending_exception{};
    bool has_pending_exception = false;
};

}  // namespace ringfold
