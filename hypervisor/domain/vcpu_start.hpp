// SPDX-License-Identifier: Apache-2.0
//
// Starting a vCPU, by its builder or by another vCPU of its domain.
#pragma once

#include "hypervisor/domain/vcpu.hpp"
#include "hypervisor/lib/result.hpp"

#include <ringfold/vcpu.h>

namespace ringfold {

// Checks `context`, takes what the vCPU holds, and lets it run. Errors as hypercall vcpu_start lists them; a refused
// start leaves the vCPU offline with nothing held.
[[nodiscard]] Result<void> start_vcpu(Vcpu &vcpu, const ringfold_vcpu_entries &entries,
                                      const ringfold_vcpu_context &context);

// The same for the first vCPU of a domain, by its builder. busy, too: the domain is not, or no longer, being built.
[[nodiscard]] Result<void> start_domain(Vcpu &first, const ringfold_vcpu_entries &entries,
                                        const ringfold_vcpu_context &context);

// Gives back what an offline vCPU of an ending domain holds.
void release_vcpu(Vcpu &vcpu);

}  // namespace ringfold
