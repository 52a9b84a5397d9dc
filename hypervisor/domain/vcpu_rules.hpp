// SPDX-License-Identifier: Apache-2.0
//
// What may stand in a vCPU's registers and entry points, whoever puts it there: the guest itself, another vCPU of its
// domain, its builder, or a domain that controls it. Pure.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <ringfold/vcpu.h>

#include <cstdint>

namespace ringfold {

// Are the entry points what the ABI asks (struct ringfold_vcpu_entries)? access_denied names none in particular.
[[nodiscard]] Result<void> check_entries(const ringfold_vcpu_entries &entries);
// Where a vCPU starts. invalid_argument: reserved is not 0; access_denied. Frames are not looked at.
[[nodiscard]] Result<void> check_context(const ringfold_vcpu_context &context);
// The whole of a vCPU. The same errors, and the same about frames.
[[nodiscard]] Result<void> check_registers(const ringfold_vcpu_registers &registers);

[[nodiscard]] bool may_watch(uint64_t address);         // DR0..DR3
[[nodiscard]] bool is_debug_control(uint64_t control);  // DR7

}  // namespace ringfold
