// SPDX-License-Identifier: Apache-2.0
//
// x87, SSE, AVX and AVX-512 registers of guests. The hypervisor uses none of them; they are switched eagerly.
#pragma once

#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

// An area in its initial state, for a new vCPU. out_of_memory.
[[nodiscard]] Result<void *> create_extended_state();
void destroy_extended_state(void *area);

void save_extended_state(void *area);
void load_extended_state(const void *area);

}  // namespace ringfold
