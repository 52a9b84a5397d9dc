// SPDX-License-Identifier: Apache-2.0
//
// What stands where in the processor's registers that C++ has no word for. Bit positions: Intel SDM volume 3A, section
// 2.5 (control registers) and volume 4 (MSRs).
#pragma once

#include "hypervisor/cpu/instructions.hpp"

#include <cstdint>

namespace ringfold {

namespace cr0 {
inline constexpr uint64_t protection_enable = uint64_t{1} << 0;
inline constexpr uint64_t monitor_coprocessor = uint64_t{1} << 1;
inline constexpr uint64_t emulation = uint64_t{1} << 2;
inline constexpr uint64_t task_switched = uint64_t{1} << 3;
inline constexpr uint64_t extension_type = uint64_t{1} << 4;
inline constexpr uint64_t numeric_error = uint64_t{1} << 5;
inline constexpr uint64_t write_protect = uint64_t{1} << 16;
inline constexpr uint64_t alignment_mask = uint64_t{1} << 18;
inline constexpr uint64_t paging = uint64_t{1} << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr uint64_t debugging_extensions = uint64_t{1} << 3;
inline constexpr uint64_t physical_address_extension = uint64_t{1} << 5;
inline constexpr uint64_t machine_check_enable = uint64_t{1} << 6;
inline constexpr uint64_t os_fxsave = uint64_t{1} << 9;
inline constexpr uint64_t os_simd_exceptions = uint64_t{1} << 10;
inline constexpr uint64_t user_mode_instruction_prevention = uint64_t{1} << 11;
inline constexpr uint64_t fsgsbase = uint64_t{1} << 16;
inline constexpr uint64_t process_context_ids = uint64_t{1} << 17;
inline constexpr uint64_t os_xsave = uint64_t{1} << 18;
inline constexpr uint64_t supervisor_execution_prevention = uint64_t{1} << 20;
}  // namespace cr4

namespace msr {
inline constexpr uint32_t page_attributes = 0x277;
inline constexpr uint32_t sysenter_cs = 0x174;
inline constexpr uint32_t extended_features = 0xc000'0080;  // EFER
}  // namespace msr

namespace efer {
inline constexpr uint64_t system_call = uint64_t{1} << 0;
inline constexpr uint64_t long_mode_enable = uint64_t{1} << 8;
inline constexpr uint64_t long_mode_active = uint64_t{1} << 10;
inline constexpr uint64_t no_execute = uint64_t{1} << 11;
}  // namespace efer

}  // namespace ringfold
