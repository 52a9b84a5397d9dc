// SPDX-License-Identifier: Apache-2.0
//
// The global descriptor table: Linux' indices 0..15 for the guest (its kernel segments with DPL 1), ours above.
#pragma once

#include <cstdint>

namespace ringfold {

inline constexpr uint16_t guest_kernel_cs = 2 * 8 + 1;
inline constexpr uint16_t guest_kernel_ds = 3 * 8 + 1;
inline constexpr uint16_t guest_user32_cs = 4 * 8 + 3;
inline constexpr uint16_t guest_user_ds = 5 * 8 + 3;
inline constexpr uint16_t guest_user_cs = 6 * 8 + 3;
inline constexpr unsigned ldt_index = 10;        // two entries
inline constexpr unsigned tls_first_index = 12;  // three entries
inline constexpr unsigned cpu_number_index = 15;
inline constexpr uint16_t gate_cs = 16 * 8;  // ring 0, 64-bit code
inline constexpr uint16_t gate_ss = 17 * 8;  // must follow gate_cs: SYSCALL loads CS and CS + 8
inline constexpr unsigned tss_index = 18;    // two entries
inline constexpr unsigned gdt_entries = 20;

}  // namespace ringfold
