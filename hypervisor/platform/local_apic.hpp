// SPDX-License-Identifier: Apache-2.0
//
// This processor's local APIC (Intel SDM vol. 3, chapter 10), through MSRs in x2APIC mode or its page of memory in
// xAPIC mode. x2APIC is used wherever the processor has it: it reaches every id and saves the mapping.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/lib/units.hpp"
#include "hypervisor/platform/interrupt_command.hpp"

#include <cstdint>

namespace ringfold {

struct Madt;

enum class ApicMode : uint8_t { xapic, x2apic };

// Decides the mode and maps the registers; for the boot processor, once, before anything else here.
[[nodiscard]] Result<ApicMode> initialise_local_apics(MachineAddress registers);

// Brings this processor's local APIC into a known state: everything masked but the error interrupt and, as the MADT
// wires them, NMIs; nothing in service; enabled.
void initialise_local_apic(const Madt &madt);

[[nodiscard]] ApicMode local_apic_mode();
[[nodiscard]] uint32_t local_apic_id();

// Finishes the interrupt in service with the highest priority.
void end_of_interrupt();

// Reads and clears the error status (SDM vol. 3, 10.5.3).
[[nodiscard]] uint32_t take_apic_errors();

// Everything written to memory before is visible to the receiver.
void send_interrupt_command(InterruptCommand command, uint32_t apic_id);
void send_interrupt_command_to_all_others(InterruptCommand command);

// The local timer. Its clock is calibrated by platform/clock.
enum class ApicTimerMode : uint8_t { one_shot = 0, tsc_deadline = 2 };
void configure_apic_timer(ApicTimerMode mode, uint8_t vector);
void mask_apic_timer();
void set_apic_timer_count(uint32_t count);  // one-shot: 0 stops it
[[nodiscard]] uint32_t apic_timer_count();

}  // namespace ringfold
