// SPDX-License-Identifier: Apache-2.0
//
// The registers of a vCPU that does not run, for a domain that controls it.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/result.hpp"

#include <ringfold/vcpu.h>

namespace ringfold {

// not_found: no such vCPU, or it is offline; busy: the domain is not paused, or is ending; again: it is still on its
// way off its CPU.
[[nodiscard]] Result<ringfold_vcpu_registers> read_registers(Domain &domain, uint32_t vcpu);
// All or nothing. The same errors, and those of check_registers() and take_root(); invalid_argument, too: another page.
[[nodiscard]] Result<void> write_registers(Domain &domain, uint32_t vcpu, const ringfold_vcpu_registers &registers);

}  // namespace ringfold
