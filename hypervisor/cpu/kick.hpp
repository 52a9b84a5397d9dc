// SPDX-License-Identifier: Apache-2.0
//
// Getting another CPU's attention.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"

namespace ringfold {

// Makes `target` look again at what it is to run, at its next visit to the hypervisor, and makes it visit now if it
// runs a guest or idles. Does not wait. The CPU may be the caller's.
void kick(CpuId target);

// Makes every CPU of `targets` that runs a guest enter the hypervisor, and waits until each has; those in the
// hypervisor are not waited for. The caller has set requests that they check before they return to a guest. Not for the
// caller.
void interrupt_and_wait(CpuSet targets);

}  // namespace ringfold
