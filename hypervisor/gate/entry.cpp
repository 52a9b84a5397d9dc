// SPDX-License-Identifier: Apache-2.0
//
// Where entry.asm calls. Every visit of a guest to the hypervisor begins and ends in handle_guest_entry().
#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/nmi.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/gate/debug_exception.hpp"
#include "hypervisor/gate/entry_frame.hpp"
#include "hypervisor/gate/exit.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/hypercall/dispatcher.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/mm/flush_clock.hpp"
#include "hypervisor/mm/slab.hpp"
#include "hypervisor/platform/interrupt.hpp"
#include "hypervisor/platform/vectors.hpp"
#include "hypervisor/trace/trace.hpp"

#include <algorithm>

namespace ringfold {

namespace {

// A frame that was pushed in the gate's scratch, seen from the hypervisor's space.
EntryFrame *visible_frame(uint64_t address, uint64_t root) {
    const bool in_guest_face = root != gate_constants().hypervisor_root_seen &&
                               address - virtual_map::gate_stack.base < virtual_map::guest_scratch.size;
    return reinterpret_cast<EntryFrame *>(in_guest_face ? virtual_map::guest_scratch_alias(address) : address);
}

// Debug builds: what a handler forgets to initialise shows (XSA-122). As deep as handlers of hypercalls usually get.
[[gnu::noinline]] void poison_stack() {
    if constexpr (RINGFOLD_DEBUG != 0) {
        constexpr uint64_t depth = 4096;
        constexpr uint64_t own = 128;  // this function's
        constexpr uint64_t poison = uint64_t{Slab::fresh_poison} * 0x0101'0101'0101'0101;
        auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0)) - own;
        uint64_t words = std::min(depth, here - virtual_map::main_stack.base) / sizeof(uint64_t);
        auto *cursor = reinterpret_cast<void *>(here - words * sizeof(uint64_t));
        asm volatile("rep stosq" : "+D"(cursor), "+c"(words) : "a"(poison) : "memory");
    }
}

// Apart, so that other entries do not pay for its stack frame.
[[gnu::noinline]] void crash(const Vcpu &vcpu, const EntryFrame &frame) {
    log_error("d{} v{}: a double fault cannot be delivered at rip {:#x} rsp {:#x}", vcpu.domain.id, vcpu.id, frame.rip,
              frame.rsp);
    begin_shutdown(vcpu.domain, ShutdownReason::crash, 0);
}

[[gnu::always_inline]] inline void dispatch(Vcpu &vcpu, EntryFrame &frame) {
    // Most entries are hypercalls, and pay for this question alone.
    if (frame.vector == vector_hypercall) [[likely]] {
        poison_stack();
        dispatch_hypercall(vcpu, frame);
        return;
    }
    switch (frame.vector) {
        case vector_undeliverable:
            crash(vcpu, frame);
            return;
        case vector_nmi:
            handle_nmi(frame);
            return;
        case vector_machine_check:
            handle_machine_check(frame);
            return;
        case vector_debug:
            handle_guest_debug_exception(vcpu);
            return;
        default:
            count_one(&Counts::interrupts);
            handle_interrupt(static_cast<uint8_t>(frame.vector));
            return;
    }
}

// The same, with the records that are wanted of it. Apart, so that a visit that is not traced pays for one test.
[[gnu::noinline]] void dispatch_traced(Vcpu &vcpu, EntryFrame &frame) {
    const bool is_hypercall = frame.vector == vector_hypercall;
    trace::note<trace::Class::entries>(RINGFOLD_TRACE_ENTRY, frame.vector, frame.rip);
    if (is_hypercall) {
        trace::note<trace::Class::hypercalls>(RINGFOLD_TRACE_HYPERCALL, frame.rax, frame.rdi);
    }
    dispatch(vcpu, frame);
    if (is_hypercall) {
        trace::note<trace::Class::hypercalls>(RINGFOLD_TRACE_HYPERCALL_RETURN, frame.rax, frame.rdx);
    }
}

// Did SYSCALL just enter, so that RSP may be the guest's?
bool in_syscall_window(uint64_t rip) {
    return rip >= reinterpret_cast<uint64_t>(gate_text_start) &&
           rip < reinterpret_cast<uint64_t>(gate_syscall_window_end);
}

// Makes the words that POPFQ and RETFQ take, below the interrupted stack pointer in the interrupted space. That stack
// is ours and has no red zone.
void prepare_return_without_iretq(IstFrame &frame) {
    EntryFrame &registers = frame.registers;
    const uint64_t target = registers.rsp - 4 * sizeof(uint64_t);
    const bool in_guest_face = frame.root != gate_constants().hypervisor_root_seen;
    auto *words = reinterpret_cast<uint64_t *>(in_guest_face ? virtual_map::guest_scratch_alias(target) : target);
    words[0] = registers.rax;
    words[1] = registers.rflags;
    words[2] = registers.rip;
    words[3] = registers.cs;
    registers.vector = target;
}

}  // namespace

extern "C" uint32_t handle_guest_entry(EntryFrame *frame) {
    GuestCpu &guest = this_cpu().guest;
    model_stops_walking();
    guest.epoch.fetch_add(1, std::memory_order_seq_cst);  // even: in the hypervisor
    begin_visit(guest);
    Vcpu &vcpu = *guest.current;
    ++guest.counts.entries;
    ++vcpu.counts.entries;
    if (trace::is_on<trace::Class::entries, trace::Class::hypercalls>()) [[unlikely]] {
        dispatch_traced(vcpu, *frame);
    } else {
        dispatch(vcpu, *frame);
    }
    return prepare_exit(*frame);
}

// The first entry of this CPU to a guest: as if a visit of nobody ended.
extern "C" uint32_t schedule_first_guest(EntryFrame *frame) {
    begin_visit(this_cpu().guest);
    return prepare_exit(*frame);
}

extern "C" void handle_hypervisor_interrupt(EntryFrame *frame) {
    if (in_gate_text(frame->rip)) {
        panic_with(*frame, "an interrupt arrived in the gate");
    }
    count_one(&Counts::interrupts);
    handle_interrupt(static_cast<uint8_t>(frame->vector));
}

extern "C" void handle_hypervisor_exception(EntryFrame *frame) { panic_with(*frame, "exception in the hypervisor"); }

extern "C" void handle_fault_in_gate(uint64_t address, uint64_t root) {
    // The stub saved four registers only; the others are lost, what is printed of them is the frame below.
    EntryFrame frame{};
    const auto *saved = reinterpret_cast<const uint64_t *>(visible_frame(address, root));
    frame.rbx = saved[0];
    frame.rdx = saved[1];
    frame.rcx = saved[2];
    frame.rax = saved[3];
    frame.vector = saved[4];
    frame.error = saved[5];
    frame.rip = saved[6];
    frame.cs = saved[7];
    frame.rflags = saved[8];
    frame.rsp = saved[9];
    frame.ss = saved[10];
    panic_with(frame, "exception in the gate");
}

extern "C" uint32_t handle_ist_in_ring_0(IstFrame *frame) {
    EntryFrame &registers = frame->registers;
    // By now, what the interrupted context was told about CR3 stays true: no flush on the way back.
    const uint64_t root = frame->root | gate_constants().keep_translations;
    const bool iretq_is_safe = in_syscall_window(registers.rip);
    switch (registers.vector) {
        case vector_nmi:
            handle_nmi(registers);
            registers.rax = root;
            return static_cast<uint32_t>(RingZeroReturn::nmi);
        case vector_debug:
            absorb_debug_exception(registers);
            break;
        case vector_machine_check:
            handle_machine_check(registers);
            break;
        default:
            panic_with(registers, "double fault");
    }
    const auto kind = registers.vector == vector_debug ? RingZeroReturn::debug : RingZeroReturn::machine_check;
    if (!iretq_is_safe) {
        prepare_return_without_iretq(*frame);
    }
    registers.rax = root;
    return static_cast<uint32_t>(iretq_is_safe ? kind : RingZeroReturn::without_iretq);
}

}  // namespace ringfold
