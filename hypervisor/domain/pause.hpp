// SPDX-License-Identifier: Apache-2.0
//
// Pausing a domain. Pauses are counted: who paused it unpauses it, and whatever others do meanwhile, it does not run in
// between. While it is paused its watchdog does not run, either. A domain that ends is not held up: a pause gives way.
#pragma once

#include "hypervisor/domain/domain.hpp"
#include "hypervisor/lib/result.hpp"

#include <cstdint>

namespace ringfold {

// One pause more: no vCPU begins to run any more, and those that run are on their way off their CPU (has_stopped()).
// busy: it ends, or has ended; limit_reached.
[[nodiscard]] Result<void> pause(Domain &domain);
// One less; gives how many are left. With the last one it runs on. invalid_argument: there is none.
[[nodiscard]] Result<uint32_t> unpause(Domain &domain);
// Whoever paused or debugs it will not unpause it.
void lift_pauses(Domain &domain);
[[nodiscard]] uint32_t pauses_of(Domain &domain);

// Arms a domain's watchdog for `deadline` in system time; 0: disarms it.
void set_watchdog(Domain &domain, uint64_t deadline);
// Nothing runs in it any more, and nothing will.
void end_pauses(Domain &domain);

}  // namespace ringfold
