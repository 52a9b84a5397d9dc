// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/local_apic.hpp"

#include "hypervisor/cpu/hypervisor_space.hpp"
#include "hypervisor/cpu/ordering.hpp"
#include "hypervisor/cpu/registers.hpp"
#include "hypervisor/platform/acpi_madt.hpp"
#include "hypervisor/platform/vectors.hpp"

namespace ringfold {
namespace {

// Offsets in the xAPIC page; the MSR of x2APIC mode is 0x800 + offset / 16 (SDM vol. 3, tables 10-1 and 10-6).
enum class Register : uint32_t {
    id = 0x20,
    version = 0x30,
    task_priority = 0x80,
    end_of_interrupt = 0xb0,
    logical_destination = 0xd0,
    spurious_vector = 0xf0,
    in_service = 0x100,  // eight registers
    error_status = 0x280,
    lvt_corrected_machine_check = 0x2f0,
    interrupt_command_low = 0x300,
    interrupt_command_high = 0x310,
    lvt_timer = 0x320,
    lvt_thermal = 0x330,
    lvt_performance = 0x340,
    lvt_lint0 = 0x350,
    lvt_lint1 = 0x360,
    lvt_error = 0x370,
    timer_initial_count = 0x380,
    timer_current_count = 0x390,
    timer_divide = 0x3e0,
};

constexpr uint32_t msr_apic_base = 0x1b;
constexpr uint64_t apic_base_x2apic = 1u << 10;
constexpr uint64_t apic_base_enable = 1u << 11;
constexpr uint32_t msr_x2apic_first = 0x800;
constexpr uint32_t cpuid_1_ecx_x2apic = 1u << 21;

constexpr uint32_t lvt_masked = 1u << 16;
constexpr uint32_t lvt_nmi = 4u << 8;
constexpr uint32_t lvt_active_low = 1u << 13;
constexpr uint32_t lvt_level = 1u << 15;
constexpr uint32_t software_enable = 1u << 8;
constexpr uint32_t divide_by_1 = 0b1011;

constinit ApicMode mode = ApicMode::xapic;
constinit volatile uint32_t *page = nullptr;  // xAPIC mode only

uint32_t x2apic_msr(Register reg, uint32_t index = 0) {
    return msr_x2apic_first + (static_cast<uint32_t>(reg) >> 4) + index;
}

uint32_t read(Register reg, uint32_t index = 0) {
    if (mode == ApicMode::x2apic) {
        return static_cast<uint32_t>(read_msr(x2apic_msr(reg, index)));
    }
    return page[static_cast<uint32_t>(reg) / 4 + index * 4];
}

void write(Register reg, uint32_t value) {
    if (mode == ApicMode::x2apic) {
        write_msr(x2apic_msr(reg), value);
    } else {
        page[static_cast<uint32_t>(reg) / 4] = value;
    }
}

// An xAPIC takes the next command only when the last one has left.
void wait_for_delivery() {
    while ((read(Register::interrupt_command_low) & icr_delivery_pending) != 0) {
        relax();
    }
}

void enable() {
    uint64_t base = read_msr(msr_apic_base) | apic_base_enable;
    write_msr(msr_apic_base, base);
    if (mode == ApicMode::x2apic) {
        // Two steps: straight from disabled to x2APIC is a #GP (SDM vol. 3, 10.12.5.1).
        base |= apic_base_x2apic;
        write_msr(msr_apic_base, base);
    }
}

// What firmware had in service when it handed over would block every lower priority for ever.
void finish_leftovers() {
    constexpr uint32_t words = 8;
    for (uint32_t word = 0; word < words; ++word) {
        for (uint32_t left = read(Register::in_service, word); left != 0; left &= left - 1) {
            end_of_interrupt();
        }
    }
}

void mask_local_vectors() {
    const uint32_t highest_entry = read(Register::version) >> 16 & 0xff;
    write(Register::lvt_timer, lvt_masked);
    write(Register::lvt_lint0, lvt_masked);
    write(Register::lvt_lint1, lvt_masked);
    write(Register::lvt_error, lvt_masked);
    // Later additions, present by the number of entries (SDM vol. 3, 10.5.1).
    if (highest_entry >= 4) {
        write(Register::lvt_performance, lvt_masked);
    }
    if (highest_entry >= 5) {
        write(Register::lvt_thermal, lvt_masked);
    }
    if (highest_entry >= 6) {
        write(Register::lvt_corrected_machine_check, lvt_masked);
    }
}

bool is_for_this_processor(const LocalNmi &nmi, const Madt &madt) {
    if (nmi.acpi_uid == LocalNmi::every_processor) {
        return true;
    }
    for (const ProcessorEntry &processor : madt.processors) {
        if (processor.apic_id == local_apic_id()) {
            return processor.acpi_uid == nmi.acpi_uid;
        }
    }
    return false;
}

void open_local_nmis(const Madt &madt) {
    for (const LocalNmi &nmi : madt.local_nmis) {
        if (!is_for_this_processor(nmi, madt)) {
            continue;
        }
        const uint32_t entry = lvt_nmi | (nmi.wiring.polarity == Polarity::active_low ? lvt_active_low : 0) |
                               (nmi.wiring.trigger == TriggerMode::level ? lvt_level : 0);
        write(nmi.lint == 0 ? Register::lvt_lint0 : Register::lvt_lint1, entry);
    }
}

}  // namespace

Result<ApicMode> initialise_local_apics(MachineAddress registers) {
    const bool has_x2apic = (cpuid(1).ecx & cpuid_1_ecx_x2apic) != 0;
    if (has_x2apic) {
        mode = ApicMode::x2apic;
        return mode;
    }
    page = static_cast<volatile uint32_t *>(TRY(map_device(registers, page_size)));
    return mode;
}

void initialise_local_apic(const Madt &madt) {
    enable();
    mask_local_vectors();
    write(Register::task_priority, 0);
    write(Register::timer_initial_count, 0);
    write(Register::timer_divide, divide_by_1);
    finish_leftovers();
    write(Register::spurious_vector, software_enable | vector_spurious);
    static_cast<void>(take_apic_errors());
    write(Register::lvt_error, vector_apic_error);
    open_local_nmis(madt);
}

ApicMode local_apic_mode() { return mode; }

uint32_t local_apic_id() {
    const uint32_t id = read(Register::id);
    return mode == ApicMode::x2apic ? id : id >> 24;
}

void end_of_interrupt() { write(Register::end_of_interrupt, 0); }

uint32_t take_apic_errors() {
    write(Register::error_status, 0);  // makes the accumulated errors readable
    return read(Register::error_status);
}

void send_interrupt_command(InterruptCommand command, uint32_t apic_id) {
    if (mode == ApicMode::x2apic) {
        // A write of this MSR waits for nothing, so that earlier stores could be seen later (SDM vol. 3, 10.12.3).
        memory_and_load_fence();
        write_msr(x2apic_msr(Register::interrupt_command_low), x2apic_command(command, apic_id));
        return;
    }
    wait_for_delivery();
    write(Register::interrupt_command_high, xapic_destination(apic_id));
    write(Register::interrupt_command_low, command.low_word());
}

void send_interrupt_command_to_all_others(InterruptCommand command) {
    command.shorthand = DestinationShorthand::all_but_self;
    send_interrupt_command(command, 0);
}

void configure_apic_timer(ApicTimerMode timer_mode, uint8_t vector) {
    write(Register::lvt_timer, static_cast<uint32_t>(timer_mode) << 17 | vector);
    if (mode == ApicMode::xapic) {
        // The deadline MSR must not be written before this memory write is done (SDM vol. 3, 10.5.4.1).
        memory_and_load_fence();
    }
}

void mask_apic_timer() { write(Register::lvt_timer, lvt_masked); }

void set_apic_timer_count(uint32_t count) { write(Register::timer_initial_count, count); }

uint32_t apic_timer_count() { return read(Register::timer_current_count); }

}  // namespace ringfold
