// SPDX-License-Identifier: Apache-2.0
//
// Every interrupt vector, once. Priority classes are the upper four bits (Intel SDM vol. 3, 10.8.3): what the
// hypervisor itself needs stands above all devices.
//
//   0x00-0x1f  exceptions
//   0x20-0x2f  the 8259s, parked here with everything masked; only their spurious interrupts can arrive
//   0x30-0xef  devices (IO-APIC pins and MSIs bound to event ports), but for:
//   0x80       int 0x80 of 32-bit programs (DPL 3)
//   0x81       slow return of a guest kernel (DPL 1)
//   0xf0-0xff  the hypervisor's own
#pragma once

#include <cstdint>

namespace ringfold {

inline constexpr unsigned vector_count = 256;
inline constexpr uint8_t exception_vectors = 32;

inline constexpr uint8_t vector_divide_error = 0;
inline constexpr uint8_t vector_debug = 1;
inline constexpr uint8_t vector_nmi = 2;
inline constexpr uint8_t vector_breakpoint = 3;
inline constexpr uint8_t vector_overflow = 4;
inline constexpr uint8_t vector_bound_range = 5;
inline constexpr uint8_t vector_invalid_opcode = 6;
inline constexpr uint8_t vector_device_not_available = 7;
inline constexpr uint8_t vector_double_fault = 8;
inline constexpr uint8_t vector_invalid_tss = 10;
inline constexpr uint8_t vector_segment_not_present = 11;
inline constexpr uint8_t vector_stack_fault = 12;
inline constexpr uint8_t vector_general_protection = 13;
inline constexpr uint8_t vector_page_fault = 14;
inline constexpr uint8_t vector_x87_error = 16;
inline constexpr uint8_t vector_alignment_check = 17;
inline constexpr uint8_t vector_machine_check = 18;
inline constexpr uint8_t vector_simd_error = 19;
inline constexpr uint8_t vector_virtualization = 20;
inline constexpr uint8_t vector_control_protection = 21;

inline constexpr uint8_t vector_pic_first = 0x20;  // 16 vectors
inline constexpr uint8_t vector_device_first = 0x30;
inline constexpr uint8_t vector_device_last = 0xef;
inline constexpr uint8_t vector_int80 = 0x80;
inline constexpr uint8_t vector_slow_return = 0x81;

inline constexpr uint8_t vector_timer = 0xf0;
inline constexpr uint8_t vector_ipi_event = 0xf1;  // look again: events pending, reschedule
inline constexpr uint8_t vector_ipi_flush = 0xf2;  // flush what the sender's request says
inline constexpr uint8_t vector_serial = 0xf3;     // the serial port has received something, or can send
inline constexpr uint8_t vector_apic_error = 0xfe;
inline constexpr uint8_t vector_spurious = 0xff;  // low four bits set, as old local APICs want (SDM vol. 3, 10.9)

// May a device interrupt be given this vector?
[[nodiscard]] constexpr bool is_device_vector(uint8_t vector) {
    return vector >= vector_device_first && vector <= vector_device_last && vector != vector_int80 &&
           vector != vector_slow_return;
}

}  // namespace ringfold
