// SPDX-License-Identifier: Apache-2.0
//
// System time: nanoseconds since boot, the same on every CPU; and one one-shot timer per CPU, which raises
// vector_timer.
#pragma once

#include "hypervisor/lib/units.hpp"
#include "hypervisor/platform/time_scale.hpp"

#include <cstdint>

namespace ringfold {

struct AcpiDescription;

// On the boot processor, once, with its local APIC up: calibrates the time-stamp counter and starts system time. Says
// against what it was measured. Error::device if there is nothing to measure against.
[[nodiscard]] Result<void> initialise_time(const AcpiDescription &acpi);

// On each CPU: takes the local APIC's timer into use, disarmed.
void initialise_timer();

// How far the counter of `cpu` is ahead of the boot processor's, as measured when it came up.
void set_tsc_offset(CpuId cpu, int64_t ahead);
// Whether no CPU that came up needed that: then time_scale() is the same everywhere.
[[nodiscard]] bool tsc_in_step();

// 0 before initialise_time().
[[nodiscard]] uint64_t nanoseconds_since_boot();
[[nodiscard]] uint64_t tsc_kilohertz();

// This CPU's: what guests that run here are told.
[[nodiscard]] TimeScale time_scale();

// Raises vector_timer on this CPU at that time, at once if it is past. It may come early where the timer's range is
// short: look at the time and arm again. There is one timer: arming moves it.
void arm_timer(uint64_t deadline_nanoseconds);
void disarm_timer();

}  // namespace ringfold
