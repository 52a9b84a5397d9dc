// SPDX-License-Identifier: Apache-2.0
//
// The end of every visit to the hypervisor.
#pragma once

#include "hypervisor/cpu/guest_cpu.hpp"
#include "hypervisor/gate/entry_frame.hpp"

#include <cstdint>

namespace ringfold {

// The start of a visit: long work makes way some time from now.
inline void begin_visit(GuestCpu &guest) { guest.visit_deadline = 0; }

// Chooses the vCPU to run, settles which translations it may use, announces that this CPU is in a guest, and writes
// what the gate needs. Returns what exit_to_guest expects in EAX: 0 to resume the frame, 1 to deliver something from
// it.
[[nodiscard]] uint32_t prepare_exit(EntryFrame &frame);

}  // namespace ringfold
