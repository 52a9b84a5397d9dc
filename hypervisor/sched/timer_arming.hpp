// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/run_queue.hpp"

namespace ringfold {

// Sets this CPU's timer for its run queue, which the caller has locked.
inline void arm_for(RunQueue &queue) {
    const uint64_t deadline = queue.arm();
    if (deadline == UINT64_MAX) {
        disarm_timer();
    } else {
        arm_timer(deadline);
    }
}

}  // namespace ringfold
