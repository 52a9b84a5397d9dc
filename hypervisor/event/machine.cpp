// SPDX-License-Identifier: Apache-2.0
//
// The event seam on the machine.
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/event/event_seam.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/sched/scheduler.hpp"
#include "hypervisor/trace/names.hpp"

namespace ringfold::event_machine {

void refer(EventDomain &events) {
    const Domain *const domain = DomainReference::to(*events.owner).release();
    invariant(domain != nullptr, "a port is bound to a domain that is being freed");
}

void unrefer(EventDomain &events) { DomainReference::adopt(events.owner).reset(); }

void wake(EventVcpu &vcpu) { (void)scheduler::wake(*vcpu.owner); }

CpuId processor_of(const EventVcpu &vcpu) { return scheduler::home_of(*vcpu.owner); }

uint64_t traced_name_of(const EventVcpu &vcpu) { return trace::name_of(vcpu.owner); }

}  // namespace ringfold::event_machine
