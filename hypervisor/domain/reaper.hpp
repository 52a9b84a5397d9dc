// SPDX-License-Identifier: Apache-2.0
//
// Takes domains apart: everything that a domain held goes back, a slice at a time.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/result.hpp"

namespace ringfold {

// The caller refers to the domain. Goes on with taking a domain in state `dying` apart. ok: all of it is gone, but the
// struct that the caller refers to. again: preempted, or somebody else is at it; busy: a frame is still held by
// somebody who has not let go.
[[nodiscard]] Result<void> reap(Domain &domain);

// A domain that could not be built and never ran, all at once: for the boot, which nothing waits for.
void destroy_unborn_domain(Domain &domain);

// The domain is dying and nobody will ask for it: idle CPUs take it apart. Nothing happens if they do so already.
void leave_to_idle_cpus(Domain &domain);
// A slice of that work, on an idle CPU. False: there is none.
[[nodiscard]] bool reap_some();

}  // namespace ringfold
