// SPDX-License-Identifier: Apache-2.0
//
// What every CPU is doing right now: asked by an NMI, so that one that is stuck answers, too.
#pragma once

#include "hypervisor/gate/entry_frame.hpp"

namespace ringfold {

// Logs registers and back trace of every CPU that is up. One caller at a time.
void log_all_cpus();

// In an NMI: if it was sent for log_all_cpus(), leaves this CPU's state for it. True if so.
bool answer_state_request(const EntryFrame &registers);

}  // namespace ringfold
