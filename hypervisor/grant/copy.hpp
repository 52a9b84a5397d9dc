// SPDX-License-Identifier: Apache-2.0
//
// Hypercall grant_copy, for one segment.
#pragma once

#include "hypervisor/grant/grant_domain.hpp"

#include <ringfold/grant.h>

namespace ringfold {

// out_of_range: a range leaves its page; invalid_argument: unknown flags, a domain where none belongs; bad_frame: not
// RAM of the caller; busy: the destination is a page table; not_found: no such domain; else as GrantUse::begin().
Result<void> copy_grant(GrantDomain &caller, const ringfold_grant_copy_element &segment, FindGrantDomain find);

}  // namespace ringfold
