// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/gate/exit.hpp"

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/gate/return_window.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/platform/vectors.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <atomic>
#include <optional>

namespace ringfold {

namespace {

// The words below GATE_STACK_TOP, as gate.asm draws them.
struct GateStackFrame {
    uint64_t rax;
    uint64_t vector;
    uint64_t error;
    uint64_t rip;
    uint64_t cs;
    uint64_t rflags;
    uint64_t rsp;
    uint64_t ss;
};
static_assert(sizeof(GateStackFrame) == 64);

// In the guest face's frames.
GateStackFrame &gate_stack_frame() {
    return *reinterpret_cast<GateStackFrame *>(virtual_map::guest_scratch_alias(virtual_map::gate_stack.base) +
                                               page_size - sizeof(GateStackFrame));
}
GateSpill &gate_spill() {
    return *reinterpret_cast<GateSpill *>(virtual_map::guest_scratch_alias(virtual_map::gate_spill.base));
}

// The value of CR3 for the vCPU that is to run, recorded as announced.
uint64_t select_root(GuestCpu &guest) {
    Vcpu &vcpu = *guest.current;
    const MachineFrame l4 = vcpu.root.frame();
    // Announced before the generation is read: whoever changes an entry advances the generation and then looks who
    // announced the frame.
    guest.running_root.store(l4.raw(), std::memory_order_seq_cst);
    const uint64_t generation = frame_table::at(l4).generation();
    guest.running_generation = generation;
    const RootCache::Selection selection = guest.roots.select(l4, generation, vcpu.root_must_flush);
    vcpu.root_must_flush = false;
    guest.counters.root_copies += selection.copied ? 1 : 0;
    return selection.cr3;
}

bool must_step_back(const GuestCpu &guest) {
    return guest.flush_requested.load(std::memory_order_seq_cst) || guest.reschedule.load(std::memory_order_seq_cst) ||
           is_stop_asked() || frame_table::at(guest.current->root.frame()).generation() != guest.running_generation;
}

// What is to be delivered instead of a plain return, taken from the vCPU.
std::optional<PendingException> take_delivery(Vcpu &vcpu) {
    if (vcpu.has_pending_exception) {
        vcpu.has_pending_exception = false;
        ++this_cpu().guest.counters.injected_exceptions;
        return vcpu.pending_exception;
    }
    const bool open = std::atomic_ref<uint8_t>(vcpu.page->interrupt_flag).load(std::memory_order_relaxed) != 0;
    const bool pending = std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).load(std::memory_order_seq_cst) != 0;
    if (!open || !pending || vcpu.entries.upcall == 0) {
        return std::nullopt;
    }
    ++this_cpu().guest.counters.upcalls;
    return PendingException{.vector = static_cast<uint8_t>(GateEntry::upcall), .error = 0};
}

}  // namespace

void begin_visit(GuestCpu &guest) { guest.visit_deadline = read_tsc() + visit_ticks(); }

uint32_t prepare_exit(EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    uint64_t root = 0;
    for (;;) {
        stop_if_asked();
        scheduler::choose(frame);
        serve_flush_request(guest);
        root = select_root(guest);
        guest.epoch.fetch_add(1, std::memory_order_seq_cst);  // odd: in a guest
        if (!must_step_back(guest)) {
            break;
        }
        guest.epoch.fetch_add(1, std::memory_order_seq_cst);
        // The value was not loaded: a flush that it stands for is still owed.
        guest.current->root_must_flush = (root & RootCache::keep_translations) == 0;
    }
    gate_constants().guest_root = root;
    Vcpu &vcpu = *guest.current;
    const std::optional<PendingException> delivery = take_delivery(vcpu);
    uint64_t delivered_from = frame.cs & 3;
    if (delivery.has_value() && in_return_window(vcpu, frame)) {
        leave_return_window(vcpu, frame);
        delivered_from = 3;
    }
    gate_stack_frame() = {.rax = frame.rax,
                          .vector = delivery.has_value() ? delivery->vector : frame.vector,
                          .error = delivery.has_value() ? delivery->error : 0,
                          .rip = frame.rip,
                          .cs = frame.cs,
                          .rflags = frame.rflags,
                          .rsp = frame.rsp,
                          .ss = frame.ss};
    if (!delivery.has_value()) {
        return 0;
    }
    gate_spill().delivered_from = delivered_from;
    return 1;
}

}  // namespace ringfold
