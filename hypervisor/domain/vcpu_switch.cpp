// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/vcpu_switch.hpp"

#include "hypervisor/cpu/count.hpp"
#include "hypervisor/cpu/extended_state.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/cpu/segments.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/trace/names.hpp"
#include "hypervisor/trace/trace.hpp"

#include <atomic>

namespace ringfold {

namespace {

void save(Vcpu &vcpu, const EntryFrame &frame) {
    vcpu.registers = frame;
    vcpu.segments = save_segments();
    save_extended_state(vcpu.extended_state);
}

void load_debug_registers(const DebugRegisters &debug) {
    write_debug_register<7>(DebugRegisters::control_reset);  // no match while the addresses change
    write_debug_register<0>(debug.address[0]);
    write_debug_register<1>(debug.address[1]);
    write_debug_register<2>(debug.address[2]);
    write_debug_register<3>(debug.address[3]);
    write_debug_register<7>(debug.control);
}

void load(Vcpu &vcpu, EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    if (guest.scratch_owner != vcpu.domain.id) {
        auto *scratch = in_own_space<void>(virtual_map::guest_scratch.base);
        asm("" : "+r"(scratch));  // Clang takes an object at a constant address to be of size 0
        __builtin_memset(scratch, 0, virtual_map::guest_scratch.size);
        guest.scratch_owner = vcpu.domain.id;
    }
    vcpu.domain.memory.note_cpu(this_cpu().id);
    frame = vcpu.registers;
    this_cpu().space.set_vcpu_page(vcpu.page_hold.frame());
    load_gate_entries(vcpu);
    load_descriptors(vcpu);
    load_segments(vcpu.segments);  // after the descriptors that the selectors name
    load_debug_registers(vcpu.debug);
    load_extended_state(vcpu.extended_state);
    guest.roots.flush_all();  // the vCPU page and the LDT stand at the same addresses in every root
    publish_time(vcpu);
}

}  // namespace

void publish_time(Vcpu &vcpu) {
    const TimeScale scale = time_scale();
    ringfold_time &time = vcpu.page->time;
    const std::atomic_ref<uint32_t> version(time.version);
    const uint32_t odd = version.load(std::memory_order_relaxed) | 1;
    version.store(odd, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    time.tsc_shift = scale.shift;
    time.tsc_multiplier = scale.multiplier;
    time.tsc_timestamp = scale.tsc_timestamp;
    time.system_time = scale.system_time;
    version.store(odd + 1, std::memory_order_release);
    vcpu.page->vcpu_id = vcpu.id.raw();
}

void switch_vcpu(Vcpu *previous, Vcpu *next, EntryFrame &frame) {
    GuestCpu &guest = this_cpu().guest;
    if (trace::is_on<trace::Class::scheduling>()) [[unlikely]] {
        trace::write(RINGFOLD_TRACE_SWITCH, trace::name_of(previous), trace::name_of(next));
    }
    if (previous != nullptr) {
        save(*previous, frame);
    }
    std::atomic_ref<Vcpu *>(guest.current).store(next, std::memory_order_release);
    if (next != nullptr) {
        load(*next, frame);
        count_one(&Counts::vcpu_switches);
    }
}

}  // namespace ringfold
