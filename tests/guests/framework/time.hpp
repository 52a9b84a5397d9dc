// SPDX-License-Identifier: Apache-2.0
//
// System time, the one-shot timer, and the virtual interrupt flag with the upcalls it holds back.
#pragma once

#include <cstdint>

namespace guest {

inline constexpr uint64_t microsecond = 1'000;
inline constexpr uint64_t millisecond = 1'000'000;

// Nanoseconds since the hypervisor booted.
uint64_t system_time();

// Arms the calling vCPU's timer for that many nanoseconds from now.
void arm_timer(uint64_t nanoseconds);

// Sets the virtual interrupt flag and takes what is pending; the framework's upcall handler counts it in Vcpu::upcalls.
void enable_upcalls();
// What an upcall handler does first.
void clear_upcall_pending();
void disable_upcalls();

}  // namespace guest
