// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/gate/exit.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/event/machine_irq.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/gate/return_window.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/platform/vectors.hpp"
#include "hypervisor/sched/scheduler.hpp"
#include "hypervisor/trace/session.hpp"

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
    return *in_own_space<GateStackFrame>(virtual_map::guest_scratch_alias(virtual_map::gate_stack.base) + page_size -
                                         sizeof(GateStackFrame));
}
GateSpill &gate_spill() {
    return *in_own_space<GateSpill>(virtual_map::guest_scratch_alias(virtual_map::gate_spill.base));
}

// The value of CR3 for the vCPU that is to run, recorded as announced.
uint64_t select_root(GuestCpu &guest) {
    Vcpu &vcpu = *guest.current;
    const MachineFrame l4 = vcpu.root.frame();
    // Announced before the generation is read: whoever changes an entry advances the generation and then looks who
    // announced the frame.
    guest.running_root.store(l4.raw(), std::memory_order_seq_cst);
    guest.running_table = &frame_table::at(l4);
    const uint64_t generation = guest.running_table->generation();
    guest.running_generation = generation;
    const RootCache::Selection selection = guest.roots.select(l4, generation, vcpu.root_must_flush);
    vcpu.root_must_flush = false;
    count_several(&Counts::root_copies, selection.copied ? 1 : 0);
    return selection.cr3;
}

bool must_step_back(const GuestCpu &guest) {
    return guest.flush_requested.load(std::memory_order_seq_cst) || guest.reschedule.load(std::memory_order_seq_cst) ||
           is_stop_asked() || guest.running_table->generation() != guest.running_generation;
}

bool upcall_is_due(const Vcpu &vcpu) {
    const bool open = std::atomic_ref<uint8_t>(vcpu.page->interrupt_flag).load(std::memory_order_relaxed) != 0;
    const bool pending = std::atomic_ref<uint8_t>(vcpu.page->upcall_pending).load(std::memory_order_seq_cst) != 0;
    return open && pending && vcpu.entries.upcall != 0;
}

bool has_delivery(const Vcpu &vcpu) { return vcpu.has_pending_exception || upcall_is_due(vcpu); }

// What is to be delivered instead of a plain return, taken from the vCPU.
std::optional<PendingException> take_delivery(Vcpu &vcpu) {
    if (vcpu.has_pending_exception) {
        vcpu.has_pending_exception = false;
        count_one(&Counts::injected_exceptions);
        return vcpu.pending_exception;
    }
    if (!upcall_is_due(vcpu)) {
        return std::nullopt;
    }
    count_one(&Counts::upcalls);
    return PendingException{.vector = static_cast<uint8_t>(GateEntry::upcall), .error = 0};
}

void write_gate_stack(const EntryFrame &frame, uint64_t vector, uint64_t error) {
    gate_stack_frame() = {.rax = frame.rax,
                          .vector = vector,
                          .error = error,
                          .rip = frame.rip,
                          .cs = frame.cs,
                          .rflags = frame.rflags,
                          .rsp = frame.rsp,
                          .ss = frame.ss};
}

// Nothing happened that concerns this vCPU: it goes on where it was, on the root that it was on.
bool nothing_to_do(const GuestCpu &guest, const Vcpu &vcpu) {
    return !guest.reschedule.load(std::memory_order_seq_cst) &&
           !guest.flush_requested.load(std::memory_order_seq_cst) && vcpu.schedule.state == VcpuState::running &&
           !vcpu.root_must_flush && !guest.roots.must_select_again() &&
           vcpu.root.frame().raw() == guest.running_root.load(std::memory_order_relaxed) &&
           guest.running_table->generation() == guest.running_generation && !has_delivery(vcpu);
}

// The short way out, which most hypercalls take. False: nothing was done, but that this CPU is in the hypervisor again.
bool resume_at_once(GuestCpu &guest, const EntryFrame &frame) {
    const Vcpu *const vcpu = guest.current;
    if (vcpu == nullptr) {
        return false;
    }
    GateConstants &constants = gate_constants();
    if (constants.keep_translations == 0) {
        note_implicit_flush();
    }
    guest.epoch.fetch_add(1, std::memory_order_seq_cst);  // odd: in a guest
    const bool owes_flush = model_owes_flush();
    // A stop of the machine sets `reschedule` too, and after it.
    if (!nothing_to_do(guest, *vcpu)) {
        guest.epoch.fetch_add(1, std::memory_order_seq_cst);
        return false;
    }
    model_walks(vcpu->domain.id, owes_flush);
    constants.guest_root |= constants.keep_translations;
    write_gate_stack(frame, frame.vector, frame.error);
    return true;
}

// The long way: another vCPU, another root, a flush, or something to deliver.
[[gnu::noinline]] uint32_t choose_and_leave(GuestCpu &guest, EntryFrame &frame) {
    uint64_t root = 0;
    for (;;) {
        stop_if_asked();
        if (take_log_growth()) {
            raise_machine_irq(VirtualIrq::log);
        }
        if (trace::take_growth()) {
            raise_machine_irq(VirtualIrq::trace);
        }
        scheduler::choose(frame);
        serve_flush_request(guest);
        root = select_root(guest);
        guest.epoch.fetch_add(1, std::memory_order_seq_cst);  // odd: in a guest
        const bool owes_flush = model_owes_flush();
        if (!must_step_back(guest)) {
            model_walks(guest.current->domain.id, owes_flush);
            break;
        }
        guest.epoch.fetch_add(1, std::memory_order_seq_cst);
        // The value was not loaded: a flush that it stands for is still owed.
        guest.current->root_must_flush = (root & RootCache::keep_translations) == 0;
    }
    gate_constants().guest_root = root;
    Vcpu &vcpu = *guest.current;
    const std::optional<PendingException> delivery = take_delivery(vcpu);
    if (!delivery.has_value()) {
        write_gate_stack(frame, frame.vector, frame.error);
        return 0;
    }
    uint64_t delivered_from = frame.cs & 3;
    if (in_return_window(vcpu, frame)) {
        leave_return_window(vcpu, frame);
        delivered_from = 3;
    }
    write_gate_stack(frame, delivery->vector, delivery->error);
    gate_spill().delivered_from = delivered_from;
    return 1;
}

}  // namespace

uint32_t prepare_exit(EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    return resume_at_once(guest, frame) ? 0 : choose_and_leave(guest, frame);
}

}  // namespace ringfold
