// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/domain/domain.hpp"

namespace ringfold {

// A domain that borrowed a frame of `domain` and has not let go of it. DomainId{0}: none was found within this visit;
// the next search goes on where this one stopped. By the time the caller looks at the answer it may not be so any more.
[[nodiscard]] DomainId find_holder(Domain &domain);

}  // namespace ringfold
