// SPDX-License-Identifier: Apache-2.0
//
// How domains, vCPUs and pools of CPUs are scheduled.
#include "hypervisor/domain/access.hpp"
#include "hypervisor/domain/domain.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/sched/parameters.hpp"

namespace ringfold::hypercall {

Returns_nothing domain_schedule_get(Vcpu &caller, uint32_t domain, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::schedule));
    return caller.call_buffer.write_object(offset, scheduler::parameters_of(*target));
}

Returns_nothing domain_schedule_set(Vcpu &caller, uint32_t domain, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::schedule));
    ringfold_domain_schedule parameters;
    TRY(caller.call_buffer.read_object(offset, parameters));
    return scheduler::set_parameters(*target, parameters);
}

Returns_nothing vcpu_schedule_get(Vcpu &caller, uint32_t domain, uint32_t vcpu, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::schedule));
    const Vcpu &found = *TRY(target->find_vcpu(vcpu));
    return caller.call_buffer.write_object(offset, scheduler::parameters_of(found));
}

Returns_nothing vcpu_schedule_set(Vcpu &caller, uint32_t domain, uint32_t vcpu, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::schedule));
    Vcpu &found = *TRY(target->find_vcpu(vcpu));
    ringfold_vcpu_schedule parameters;
    TRY(caller.call_buffer.read_object(offset, parameters));
    return scheduler::set_parameters(found, parameters);
}

Returns_nothing pool_describe(Vcpu &caller, uint32_t pool, uint64_t offset) {
    const ringfold_pool_info info = TRY(scheduler::describe_pool(pool));
    return caller.call_buffer.write_object(offset, info);
}

Returns_nothing pool_cpu_move(Vcpu &, uint32_t cpu, uint32_t pool) { return scheduler::move_cpu(cpu, pool); }

Returns_nothing pool_mode_set(Vcpu &, uint32_t pool, uint32_t mode) { return scheduler::set_pool_mode(pool, mode); }

}  // namespace ringfold::hypercall
