// SPDX-License-Identifier: Apache-2.0
//
// Counting what happens: on this CPU, and for the vCPU that is on it. No lock and no locked instruction: both are
// written by this CPU only, with interrupts off, and others read word by word (counts.hpp). NMIs and machine checks,
// which may come in the middle of anything, even of a switch between vCPUs, are counted on their CPU alone.
#pragma once

#include "hypervisor/cpu/counts.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/vcpu.hpp"

#include <cstdint>

namespace ringfold {

inline void count_several(uint64_t Counts::*count, uint64_t amount) {
    GuestCpu &guest = this_cpu().guest;
    guest.counts.*count += amount;
    if (guest.current != nullptr) {
        guest.current->counts.*count += amount;
    }
}
inline void count_one(uint64_t Counts::*count) { count_several(count, 1); }

}  // namespace ringfold
