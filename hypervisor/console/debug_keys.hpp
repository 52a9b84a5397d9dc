// SPDX-License-Identifier: Apache-2.0
//
// Single characters that make the hypervisor say how it is, in the log: typed at the console while it has the focus, or
// by hypercall debug_key.
#pragma once

#include "hypervisor/domain/rights.hpp"
#include "hypervisor/lib/result.hpp"

namespace ringfold {

// For whoever sits at the console; a character without a meaning is ignored. No lock is held.
void press_debug_key(char key);

// For a domain with these rights. not_found: no such key; not_permitted: it needs more.
[[nodiscard]] Result<void> press_debug_key(char key, Rights rights);

}  // namespace ringfold
