// SPDX-License-Identifier: Apache-2.0
//
// Hypercall grant_transfer, for one element.
#pragma once

#include "hypervisor/grant/grant_domain.hpp"

#include <ringfold/grant.h>

namespace ringfold {

// invalid_argument: a reserved field is not 0, or the caller itself; not_found: no such domain, or the entry accepts
// nothing; out_of_range: no such entry; not_permitted: not from the caller; bad_frame: not RAM of the caller; busy: the
// frame has a use; out_of_memory: the receiver's maximum; again.
Result<void> transfer_grant(GrantDomain &caller, const ringfold_grant_transfer_element &element, FindGrantDomain find);

}  // namespace ringfold
