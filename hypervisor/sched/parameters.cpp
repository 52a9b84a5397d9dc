// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/parameters.hpp"

#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/ownership.hpp"
#include "hypervisor/sched/processors.hpp"
#include "hypervisor/sched/scheduler.hpp"

namespace ringfold::scheduler {

namespace {

constinit Processors processors;

// Its parameters changed: the vCPU is looked at again, where it runs or should wait. One that is on its way from one
// CPU to another is looked at where it arrives.
void reconsider(Vcpu &vcpu) {
    ScheduleEntry &entry = vcpu.schedule;
    bool is_running = false;
    CpuId home;
    {
        auto queue = Processors::lock_home(entry);
        home = home_of(vcpu);
        is_running = queue->running() == &entry;
        if (is_running) {
            queue->end_slice();
        } else if (entry.parked || entry.is_waiting()) {
            queue->withdraw(entry);
            dispatch::publish(processors, home, *queue);
        } else {
            return;
        }
    }
    if (is_running) {
        kick(home);
    } else {
        dispatch::make_ready(processors, entry, nanoseconds_since_boot());
    }
}

void reconsider(Domain &domain) {
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        reconsider(*domain.vcpus[number]);
    }
}

}  // namespace

ringfold_domain_schedule parameters_of(const Domain &domain) {
    return {.weight = domain.schedule.weight.load(std::memory_order_relaxed),
            .cap = domain.schedule.bandwidth.cap(),
            .pool = domain.schedule.pool.load(std::memory_order_relaxed),
            .reserved = 0};
}

Result<void> set_parameters(Domain &domain, const ringfold_domain_schedule &parameters) {
    if (parameters.reserved != 0) {
        return Error::invalid_argument;
    }
    if (!Weight::is_valid(parameters.weight) || parameters.cap > Bandwidth::highest ||
        parameters.pool >= pools::count) {
        return Error::out_of_range;
    }
    TRY(ownership::move_domain(domain, static_cast<uint8_t>(parameters.pool)));
    domain.schedule.weight.store(parameters.weight, std::memory_order_relaxed);
    domain.schedule.bandwidth.set_cap(parameters.cap);
    // One that ends is held up no more. begin_shutdown() says that it ends, and then lifts the cap.
    if (domain.ending.load(std::memory_order_seq_cst)) {
        domain.schedule.bandwidth.set_cap(Bandwidth::unlimited);
    }
    reconsider(domain);
    return {};
}

ringfold_vcpu_schedule parameters_of(const Vcpu &vcpu) {
    auto queue = Processors::lock_home(vcpu.schedule);
    return {.affinity = vcpu.schedule.affinity.get().raw(),
            .preferred = vcpu.schedule.preferred.get().raw(),
            .cpu = home_of(vcpu).raw(),
            .reserved = 0};
}

Result<void> set_parameters(Vcpu &vcpu, const ringfold_vcpu_schedule &parameters) {
    const CpuSet affinity{parameters.affinity};
    const CpuSet preferred{parameters.preferred};
    if (parameters.cpu != 0 || parameters.reserved != 0 || (affinity & online_cpus()).empty() ||
        (preferred & online_cpus()).empty()) {
        return Error::invalid_argument;
    }
    {
        auto queue = Processors::lock_home(vcpu.schedule);
        vcpu.schedule.affinity.set(affinity);
        vcpu.schedule.preferred.set(preferred);
    }
    reconsider(vcpu);
    return {};
}

Result<ringfold_pool_info> describe_pool(uint32_t pool) {
    if (pool >= pools::count) {
        return Error::out_of_range;
    }
    const auto number = static_cast<uint8_t>(pool);
    return ringfold_pool_info{.cpus = pools::at(number).cpus.get().raw(),
                              .mode = static_cast<uint32_t>(pools::at(number).mode.load(std::memory_order_relaxed)),
                              .domains = ownership::domains_in(number)};
}

Result<void> move_cpu(uint32_t cpu, uint32_t pool) {
    if (pool >= pools::count) {
        return Error::out_of_range;
    }
    if (cpu >= cpu_set_capacity || !online_cpus().contains(CpuId{static_cast<uint16_t>(cpu)})) {
        return Error::not_found;
    }
    const CpuId id{static_cast<uint16_t>(cpu)};
    TRY(ownership::move_cpu(id, static_cast<uint8_t>(pool)));
    kick(id);
    return {};
}

Result<void> set_pool_mode(uint32_t pool, uint32_t mode) {
    if (pool >= pools::count) {
        return Error::out_of_range;
    }
    if (mode > RINGFOLD_POOL_ONE_TO_ONE) {
        return Error::invalid_argument;
    }
    return ownership::set_mode(static_cast<uint8_t>(pool), static_cast<PoolMode>(mode));
}

}  // namespace ringfold::scheduler
