// SPDX-License-Identifier: Apache-2.0
//
// All of a domain's memory goes.
#pragma once

#include "hypervisor/lib/result.hpp"
#include "hypervisor/mm/domain_memory.hpp"

namespace ringfold {

// No vCPU of the domain runs any more and the hypervisor holds none of its frames. Each frame, free and flushed, goes
// to `give_back`. again: preempted, call again; it ends after a number of calls in proportion to the memory, whatever
// the guest left: tables refer to lower levels only, so once pins and interrupted work are undone nothing is
// referenced. busy: a frame is still held, by a holder that has not let go. It can be called again then, but need not
// be: whatever is let go of from now on goes to `give_back` at that moment, until memory.owned() is 0.
Result<void> tear_down(DomainMemory &memory, void (*give_back)(MachineFrame frame));

}  // namespace ringfold
