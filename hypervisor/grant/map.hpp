// SPDX-License-Identifier: Apache-2.0
//
// Hypercalls grant_map and grant_unmap, for one element.
#pragma once

#include "hypervisor/grant/grant_domain.hpp"

#include <ringfold/grant.h>

namespace ringfold {

// Fills frame and handle; both are 0 if it is refused. invalid_argument: unknown flags, or the caller itself;
// not_found: no such domain; quota: the caller's handles; out_of_memory; else as GrantUse::begin().
Result<void> map_grant(GrantDomain &caller, ringfold_grant_map_element &element, FindGrantDomain find);

// not_found: no such handle; busy: entries of the caller's page tables need it.
Result<void> unmap_grant(GrantDomain &caller, const ringfold_grant_unmap_element &element);

}  // namespace ringfold
