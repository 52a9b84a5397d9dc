// SPDX-License-Identifier: Apache-2.0
//
// What stands here below `namespace ringfold` replaces the hypervisor's own definition (see CMakeLists.txt).
#include "tests/fuzz/dispatcher/machine.hpp"

#include "hypervisor/boot/main.hpp"
#include "hypervisor/cpu/idle.hpp"
#include "hypervisor/cpu/instructions.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/cpu/rendezvous.hpp"
#include "hypervisor/cpu/segments.hpp"
#include "hypervisor/cpu/state_report.hpp"
#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/cpu/translations.hpp"
#include "hypervisor/gate/exit.hpp"
#include "hypervisor/gate/gate.hpp"
#include "hypervisor/gate/selectors.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/lib/panic.hpp"
#include "hypervisor/mm/extent.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/frame_table.hpp"
#include "hypervisor/mm/translation_model.hpp"
#include "hypervisor/platform/io_apics.hpp"
#include "hypervisor/platform/ipi.hpp"
#include "hypervisor/platform/machine.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/platform/wall_clock.hpp"
#include "hypervisor/sched/pools.hpp"
#include "hypervisor/sched/scheduler.hpp"
#include "hypervisor/trace/branch.hpp"
#include "tests/unit/fake_machine_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace ringfold {

namespace fuzzed {

namespace {

constexpr uint64_t never = UINT64_MAX;

// What a CPU has beside its PerCpu.
struct Cpu {
    Cpu() : gate(virtual_map::gate.size), scratch(virtual_map::this_cpu.size) {}

    EntryFrame registers{};
    uint64_t deadline = never;
    std::vector<std::byte> gate;     // virtual_map::gate
    std::vector<std::byte> scratch;  // virtual_map::this_cpu, but for PerCpu
};

constexpr MachineFrame first_free{frames_per_extent};

// Everything that is there once and stays.
struct Parts {
    Parts() : memory(ram_end - MachineFrame{0}), frames(ram_end.raw()), extents(extent_count), nodes(ram_end.raw()) {}

    test::FakeMachineMemory memory;
    std::vector<FrameInfo> frames;
    std::vector<Extent> extents;
    std::vector<FrameNode> nodes;
    std::vector<translation_model::FrameRecord> records{ram_end.raw()};
    std::array<Cpu, cpu_count> cpus;
    uint16_t selected = 0;
};

Parts &parts() {
    static Parts all;
    return all;
}

Cpu &selected() { return parts().cpus[parts().selected]; }

PerCpu &per_cpu() { return cpu(CpuId{parts().selected}); }

MachineFrame data_of(CpuId id) {
    constexpr uint64_t frames = virtual_map::cpu_data.size / page_size;
    return MachineFrame{frames + id.raw() * frames};
}

std::byte *own_space_of_selected(uint64_t address) {
    if (virtual_map::cpu_data.contains(address)) {
        return pointer_to<std::byte>(data_of(CpuId{parts().selected})) + (address - virtual_map::cpu_data.base);
    }
    if (virtual_map::gate.contains(address)) {
        return &selected().gate[address - virtual_map::gate.base];
    }
    require(virtual_map::this_cpu.contains(address), "an address that no CPU has to itself");
    return &selected().scratch[address - virtual_map::this_cpu.base];
}

// All that a CPU knows of guests is forgotten, but for the frames that are its own for good.
void make_new(PerCpu &used) {
    const CpuId id = used.id;
    const CpuSpace space = used.space;
    const RootCache roots = used.guest.roots;
    used.~PerCpu();
    PerCpu *const made = new (&used) PerCpu;
    made->id = id;
    made->space = space;
    made->features.process_context_ids = true;
    made->guest.roots = roots;
    made->guest.roots.flush_all();
    made->guest.flush_requested.store(true);  // it may have been asked, and it knows nothing
}

// As the gate does it: the guest goes on at its entry point, in ring 1 and masked.
void deliver(Vcpu &vcpu, EntryFrame &frame) {
    std::atomic_ref<uint8_t>(vcpu.page->interrupt_flag).store(0);
    frame.rip = vcpu.entries.upcall;
    frame.cs = guest_kernel_cs;
    frame.ss = guest_kernel_ds;
    frame.rflags = 0x202;
}

void make_new(Pool &used, CpuSet cpus) {
    used.~Pool();
    new (&used) Pool;
    used.cpus.set(cpus);
}

}  // namespace

void found(const char *what) {
    std::array<char, 1024> text;
    uint64_t position = 0;
    while (const std::size_t length = read_log(position, text)) {
        std::fwrite(text.data(), 1, length, stderr);
    }
    std::fprintf(stderr, "found: %s\n", what);
    std::abort();
}

Machine &Machine::the() {
    static Machine machine;
    return machine;
}

Machine::Machine() {
    own_space = own_space_of_selected;
    Parts &all = parts();
    frame_table::initialise(all.frames, all.extents);
    frame_table::declare(first_free, ram_end - first_free, no_domain);
    translation_model::initialise(all.records);
    initialise_frame_allocator(all.nodes);
    require(add_frames(first_free, ram_end - first_free).ok(), "there is memory");
    create_cpus();
}

void Machine::create_cpus() {
    auto madt = std::make_unique<Madt>();
    for (uint16_t number = 0; number < cpu_count; ++number) {
        require(madt->processors.append({.apic_id = number, .acpi_uid = number}), "there is room for the CPU");
    }
    require(number_cpus(*madt, 0).ok(), "the CPUs are numbered");
    for (uint16_t number = 0; number < cpu_count; ++number) {
        CpuSpace space;
        space.data = data_of(CpuId{number});
        require(create_per_cpu(CpuId{number}, space).ok(), "a CPU is made");
        set_online(CpuId{number});
        require(cpu(CpuId{number}).guest.roots.initialise(0, true).ok(), "a CPU has roots");
    }
    set_per_cpu_ready();
}

void Machine::begin() {
    registers() = {};
    processor = {};
    CpuSet cpus;
    for (uint16_t number = 0; number < cpu_count; ++number) {
        select(CpuId{number});
        selected().registers = {};
        selected().deadline = never;
        make_new(per_cpu());
        gate_constants() = GateConstants{};
        gate_constants().keep_translations = RootCache::keep_translations;
        cpus.add(CpuId{number});
    }
    for (uint8_t number = 0; number < pools::count; ++number) {
        make_new(pools::at(number), number == 0 ? cpus : CpuSet{});
    }
    select(CpuId{0});
    set_wall_clock_base(0);
}

void Machine::select(CpuId cpu) { parts().selected = cpu.raw(); }

EntryFrame &Machine::registers() { return selected().registers; }

Vcpu *Machine::run_guest() {
    GuestCpu &guest = per_cpu().guest;
    if ((guest.epoch.load() & 1) == 0) {
        leave();
    }
    return (guest.epoch.load() & 1) != 0 ? guest.current : nullptr;
}

// As handle_guest_entry() begins.
void Machine::enter() {
    GuestCpu &guest = per_cpu().guest;
    guest.idle.store(false);
    if ((guest.epoch.load() & 1) != 0) {
        model_stops_walking();
        guest.epoch.fetch_add(1);
    }
    begin_visit(guest);
}

void Machine::leave() {
    require(per_cpu().held_locks.none(), "no lock is held at the end of a visit");
    per_cpu().guest.idle.store(false);
    try {
        if (prepare_exit(selected().registers) != 0) {
            deliver(*per_cpu().guest.current, selected().registers);
        }
    } catch (const Idle &) {
        require(per_cpu().guest.current == nullptr, "a CPU that sleeps has no vCPU");
    }
}

void Machine::pass(uint64_t nanoseconds) {
    processor.tsc += nanoseconds;
    for (uint16_t number = 0; number < cpu_count; ++number) {
        select(CpuId{number});
        if (selected().deadline <= processor.tsc) {
            selected().deadline = never;
            enter();
            scheduler::handle_timer();
            leave();
        }
    }
}

void Machine::interrupt(CpuId target) {
    GuestCpu &guest = cpu(target).guest;
    if ((guest.epoch.load() & 1) != 0) {
        translation_model::stops_walking(target);
        guest.epoch.fetch_add(1);
    }
}

void Machine::arm(uint64_t deadline) { selected().deadline = deadline; }

}  // namespace fuzzed

// --- cpu/idle.cpp

void wait_for_interrupt() {
    GuestCpu &guest = this_cpu().guest;
    guest.idle.store(true);
    if (!guest.reschedule.load()) {
        throw fuzzed::Idle{};
    }
    guest.idle.store(false);
}

void take_interrupts() {}

// --- cpu/segments.cpp

SegmentState save_segments() { return {}; }
void load_segments(const SegmentState &) {}

// --- cpu/rendezvous.cpp: while a CPU is at work, all others stand still

StoppedMachine::StoppedMachine() {
    fuzzed::require(this_cpu().held_locks.none(), "who stops the machine holds no lock");
}
StoppedMachine::~StoppedMachine() = default;
void stop_if_asked() {}
bool is_stop_asked() { return false; }

// --- cpu/state_report.cpp

void log_all_cpus() {}
bool answer_state_request(const EntryFrame &) { return false; }

// --- platform/ipi.cpp

void send_ipi(CpuId target, uint8_t) { fuzzed::Machine::the().interrupt(target); }
void send_nmi(CpuId) {}
void send_nmi_to_all_others() {}

// --- platform/time.cpp: a nanosecond is a tick

Result<void> initialise_time(const AcpiDescription &) { return Error::device; }
void initialise_timer() {}
void set_tsc_offset(CpuId, int64_t) {}
bool tsc_in_step() { return true; }
uint64_t nanoseconds_since_boot() { return read_tsc(); }
uint64_t tsc_kilohertz() { return 1'000'000; }
TimeScale time_scale() { return {.tsc_timestamp = 0, .system_time = 0, .multiplier = uint32_t{1} << 31, .shift = 1}; }
void arm_timer(uint64_t deadline_nanoseconds) { fuzzed::Machine::the().arm(deadline_nanoseconds); }
void disarm_timer() { fuzzed::Machine::the().arm(fuzzed::never); }

// --- platform/io_apics.cpp: a pin for an NMI, one of the hypervisor's own

namespace {

Result<void> check_pin(uint32_t gsi) {
    constexpr uint32_t wired_to_nmi = 2;
    constexpr uint32_t serial_port = 4;
    if (gsi == wired_to_nmi) {
        return Error::access_denied;
    }
    if (gsi == serial_port) {
        return Error::already_exists;
    }
    return gsi < fuzzed::interrupt_lines ? Result<void>{} : Result<void>{Error::not_found};
}

}  // namespace

Result<void> initialise_io_apics(const Madt &) { return {}; }
Result<void> route_interrupt(uint32_t gsi, InterruptWiring, uint8_t, uint8_t) { return check_pin(gsi); }
Result<void> claim_interrupt(uint32_t gsi, InterruptWiring, uint8_t, uint8_t) { return check_pin(gsi); }
Result<void> set_interrupt_masked(uint32_t gsi, bool) { return check_pin(gsi); }

// --- platform/machine.cpp, platform/power.cpp

const AcpiDescription &machine_description() { fuzzed::found("nobody looks at ACPI tables"); }
Result<void> discover_machine(ByteSpan) { return Error::device; }
Result<void> initialise_machine(ByteSpan) { return Error::device; }

void set_exit_port(uint16_t) {}
void set_power_off(PowerOff) {}
void set_reset(PowerOff) {}
void restart() { fuzzed::found("the machine restarts"); }
void power_off(uint8_t) { fuzzed::found("the machine is powered off"); }

// --- boot/main.cpp

const BootInformation &boot_information() {
    static const auto information = [] {
        auto made = std::make_unique<BootInformation>();
        fuzzed::require(add_memory_range(0, address_of(fuzzed::ram_end).raw(), 1, *made).ok(), "a range of memory");
        fuzzed::require(add_memory_range(0xf000'0000, 0x1000'0000, 2, *made).ok(), "a range of devices");
        return made;
    }();
    return *information;
}
CommandLine boot_options() { return CommandLine{""}; }

// --- lib/panic.cpp

void panic_erased(const EntryFrame *, std::string_view format, std::span<const FormatArgument> arguments) {
    std::array<char, 256> storage;
    FormatBuffer reason{storage};
    format_erased(reason, format, arguments);
    fuzzed::found(std::string{reason.view()}.c_str());
}
void set_panic_stop(StopOthers) {}
bool panic_in_progress() { return false; }
void panic_stop(const EntryFrame &) { fuzzed::found("a CPU is stopped by a panic"); }
void lock_order_broken(LockRank) { fuzzed::found("a lock is taken out of order"); }

// --- trace/patch.cpp

std::span<const trace::BranchSite> trace::branch_sites() { return {}; }
void trace::set_branches(uint32_t classes) { branches_taken.store(classes, std::memory_order_relaxed); }

}  // namespace ringfold

// --- labels of the assembly and of the linker script

extern "C" {
extern const uint64_t gate_stubs[256];
const uint64_t gate_stubs[256] = {};
extern const char gate_text_start[];
const char gate_text_start[1] = {};
extern const char gate_code_end[];
const char gate_code_end[1] = {};
extern const char gate_syscall[];
const char gate_syscall[1] = {};
extern const char gate_syscall32[];
const char gate_syscall32[1] = {};
extern const char gate_syscall_window_end[];
const char gate_syscall_window_end[1] = {};
extern const unsigned char build_id_note[36];
const unsigned char build_id_note[36] = {};
}
