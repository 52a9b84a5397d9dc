// SPDX-License-Identifier: Apache-2.0
//
// All that the memory-typing logic asks of the machine. cpu/ implements it; tests/unit implements it for the host.
#pragma once

#include "hypervisor/lib/cpu_set.hpp"
#include "hypervisor/lib/units.hpp"

namespace ringfold::machine {

// Asked about every 32 entries of long work: is it time to return to the guest (an interrupt waits)?
[[nodiscard]] bool preemption_due();

// Drops every translation and paging-structure cache entry of every PCID on these CPUs (the caller's may be among
// them). When it returns, each of them has either done so, or is inside the hypervisor proper and will before it next
// loads a guest's root. Called with a domain's page-table lock held: must not wait for a CPU that waits for that lock.
void flush_translations(CpuSet cpus);

// An entry of the validated L4 frame `l4` changed, or the frame stopped being one: when this returns, no CPU walks an
// older copy of it, nor will. The frame's generation was advanced before. The same lock rule as above.
void root_changed(MachineFrame l4);

// Something that cannot happen did: the hypervisor's own accounting is wrong. Panics.
[[noreturn]] void invariant_broken(const char *why);

}  // namespace ringfold::machine

namespace ringfold {

// For what our own code must guarantee. Never for what a guest says.
inline void invariant(bool holds, const char *why) {
    if (!holds) [[unlikely]] {
        machine::invariant_broken(why);
    }
}

}  // namespace ringfold
