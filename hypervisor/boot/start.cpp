// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/boot/start.hpp"

#include "hypervisor/boot/crash_test.hpp"
#include "hypervisor/boot/early_memory.hpp"
#include "hypervisor/boot/main.hpp"
#include "hypervisor/console/serial_input.hpp"
#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/paging_limits.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/smp.hpp"
#include "hypervisor/cpu/space_check.hpp"
#include "hypervisor/cpu/trampoline_frame.hpp"
#include "hypervisor/domain/boot_domains.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/machine_memory.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/platform/machine.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/sched/pools.hpp"

#include <bit>
#include <span>

extern "C" [[noreturn]] void enter_guest();

namespace ringfold {

namespace {

// What cannot fail on a machine that is to run guests at all.
template <typename T>
T require(Result<T> result, std::string_view what) {
    if (!result.ok()) {
        panic("{}: {}", what, result.error());
    }
    return result.take();
}

template <typename T>
std::span<T> make_array(const virtual_map::Region &region, uint64_t count, std::string_view what) {
    return {static_cast<T *>(require(map_array(region, count * sizeof(T)), what)), count};
}

// What the firmware does not call available is no RAM to us.
void declare_devices() {
    frame_table::declare(MachineFrame{0}, frame_table::end() - MachineFrame{0}, device_domain);
    for (const MemoryRange &range : boot_information().memory) {
        if (range.type == MemoryType::available) {
            const FrameRange frames = frames_around(range.begin, range.end);
            frame_table::declare(frames.begin, frames.size(), hypervisor_domain);
        }
    }
}

// Interrupt controllers are the hypervisor's.
void keep_interrupt_controllers() {
    constexpr std::string_view what = "too many interrupt controllers";
    require(frame_table::keep_device(frame_of(machine_description().madt.local_apic)), what);
    for (const IoApicEntry &io_apic : machine_description().madt.io_apics) {
        require(frame_table::keep_device(frame_of(io_apic.address)), what);
    }
}

// The frame table, the extents and the machine-to-physical table, for all RAM there is; then the allocator takes over
// what early memory has left.
void initialise_memory() {
    const uint64_t frames = frame_of(boot_information().memory_end()).raw();
    const uint64_t extents = (frames + frames_per_extent - 1) / frames_per_extent;
    frame_table::initialise(make_array<FrameInfo>(virtual_map::frame_table, frames, "no memory for the frame table"),
                            make_array<Extent>(virtual_map::extent_table, extents, "no memory for the extents"));
    const std::span physical =
        make_array<uint64_t>(virtual_map::machine_to_physical, frames, "no memory for the machine-to-physical table");
    declare_devices();
    if constexpr (RINGFOLD_DEBUG != 0) {
        translation_model::initialise(make_array<translation_model::FrameRecord>(
            virtual_map::translation_records, frames, "no memory for the model of cached translations"));
    }
    __builtin_memset(physical.data(), 0xff, physical.size_bytes());  // RINGFOLD_NO_FRAME

    const FrameCount node_frames = FrameCount::holding(frames * sizeof(FrameNode));
    const Order node_order{static_cast<unsigned>(std::bit_width(node_frames.raw() - 1))};
    const MachineFrame nodes = require(allocate_early_frames(node_order), "no memory for the frame allocator");
    __builtin_memset(pointer_to(nodes), 0, node_order.frames().bytes());
    initialise_frame_allocator({pointer_to<FrameNode>(nodes), frames});
    for (const FrameRange &range : end_early_memory()) {
        require(add_frames(range.begin, range.size()), "free memory");
        frame_table::declare(range.begin, range.size(), no_domain);
    }
    set_table_source(allocate_frames);
    log_info("memory: {} MiB free", free_frame_count().bytes() >> 20);
}

// What every CPU does before it runs guests.
void initialise_this_cpu_for_guests() {
    PerCpu &self = this_cpu();
    initialise_gate(address_of(self.space.hypervisor_root).raw(), self.features.process_context_ids);
    require(self.guest.roots.initialise(self.space.guest_slot_entry(), self.features.process_context_ids),
            "no memory for a CPU's roots");
    pools::add_this_cpu();
}

void run_other_cpu() {
    initialise_this_cpu_for_guests();
    enter_guest();
}

void bring_up_other_cpus() {
    const auto trampoline = find_trampoline_frame(boot_information());
    if (!trampoline.has_value()) {
        log_warning("no free memory below 640 KiB: this is the only CPU");
        return;
    }
    bring_up_cpus(*trampoline, run_other_cpu);
}

}  // namespace

void start_ringfold() {
    initialise_memory();
    initialise_paging_limits();
    const auto &loader_copy = boot_information().acpi;
    const ByteSpan root_pointer =
        loader_copy.has_value() ? ByteSpan{loader_copy->bytes.data(), loader_copy->size} : ByteSpan{};
    require(initialise_machine(root_pointer), "this machine cannot be run");
    keep_interrupt_controllers();
    initialise_this_cpu_for_guests();
    bring_up_other_cpus();
    verify_spaces();
    crash_if_asked(boot_options());
    if (boot_information().modules.empty()) {
        log_info("no guest: give one as a boot module");
        power_off(0);
    }
    this_cpu().guest.visit_deadline = ~uint64_t{0};  // nothing waits for this CPU yet
    begin_serial_input();  // claims its line before there is a guest, which may run on another CPU at once
    build_boot_domains(boot_information());
    end_of_boot();
    enter_guest();
}

}  // namespace ringfold
