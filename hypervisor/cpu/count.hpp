// SPDX-License-Identifier: Apache-2.0
//
// Counting what happens: on this CPU, and for the vCPU that is on it. No lock and no locked instruction: both are
// written by this CPU only, with interrupts off, and others read word by word (counters.hpp). NMIs and machine checks,
// which may come in the middle of anything, even of a switch between vCPUs, are counted on their CPU alone.
#pragma once

#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/vcpu.hpp"

#include <ringfold/debug.h>

#include <cstdint>

namespace ringfold {

using Counter = uint64_t ringfold_counters::*;

inline void count_several(Counter counter, uint64_t amount) {
    GuestCpu &guest = this_cpu().guest;
    guest.counters.*counter += amount;
    if (guest.current != nullptr) {
        guest.current->counters.*counter += amount;
    }
}
inline void count_one(Counter counter) { count_several(counter, 1); }

}  // namespace ringfold
