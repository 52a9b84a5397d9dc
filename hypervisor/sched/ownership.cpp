// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/sched/ownership.hpp"

#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/sched/processors.hpp"

namespace ringfold::ownership {

namespace {

// Held by whoever changes what belongs to which pool, or gives a vCPU a CPU. What changes is read without it.
struct Nothing {};
constinit Locked<Nothing, LockRank::pools> changes;

uint8_t pool_of(const Domain &domain) { return domain.schedule.pool.load(std::memory_order_relaxed); }

bool is_one_to_one(const Pool &pool) { return pool.mode.load(std::memory_order_relaxed) == PoolMode::one_to_one; }

CpuSet free_cpus(const Pool &pool) { return pool.cpus.get() - pool.owned.get(); }

uint32_t count(uint8_t pool) {
    uint32_t found = 0;
    domain_list::for_each([&found, pool](const Domain &domain) { found += pool_of(domain) == pool ? 1 : 0; });
    return found;
}

uint32_t online_vcpus(const Domain &domain) {
    uint32_t online = 0;
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        const ScheduleEntry &entry = domain.vcpus[number]->schedule;
        auto queue = Processors::lock_home(entry);
        online += entry.state != VcpuState::offline ? 1 : 0;
    }
    return online;
}

// Under the run-queue lock of its home: a CPU of its own if the pool is one to one, best one of its affinity. False:
// there is none left.
bool give_cpu(ScheduleEntry &entry, Pool &pool) {
    if (!is_one_to_one(pool)) {
        return true;
    }
    const CpuSet free = free_cpus(pool);
    if (free.empty()) {
        return false;
    }
    const CpuSet liked = free & entry.affinity.get();
    const CpuId cpu = first_of(liked.empty() ? free : liked);
    pool.owned.set(cpu, true);
    entry.owned.set(CpuSet::of(cpu));
    return true;
}

}  // namespace

uint32_t domains_in(uint8_t pool) { return count(pool); }

Result<void> move_domain(Domain &domain, uint8_t to) {
    auto guard = changes.lock();
    if (pool_of(domain) == to) {
        return {};
    }
    Pool &pool = pools::at(to);
    // No vCPU of it comes online meanwhile: reserve() takes the same lock.
    if (pool.cpus.get().empty() || (is_one_to_one(pool) && online_vcpus(domain) > free_cpus(pool).size())) {
        return Error::busy;
    }
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        ScheduleEntry &entry = domain.vcpus[number]->schedule;
        auto queue = Processors::lock_home(entry);
        if (entry.state != VcpuState::offline) {
            release(entry);
            invariant(give_cpu(entry, pool), "a CPU is free for each vCPU that is online");
        }
    }
    domain.schedule.pool.store(to, std::memory_order_relaxed);
    return {};
}

Result<void> move_cpu(CpuId id, uint8_t to) {
    auto guard = changes.lock();
    const uint8_t from = cpu(id).pool.load(std::memory_order_relaxed);
    if (from == to) {
        return {};
    }
    Pool &pool = pools::at(from);
    const bool is_needed = from == pools::of_new_domains || count(from) != 0;
    if (pool.owned.get().contains(id) || (pool.cpus.get().size() == 1 && is_needed)) {
        return Error::busy;
    }
    pool.cpus.set(id, false);
    pool.idle.set(id, false);
    cpu(id).pool.store(to, std::memory_order_relaxed);
    pools::at(to).cpus.set(id, true);
    return {};
}

Result<void> set_mode(uint8_t pool, PoolMode mode) {
    auto guard = changes.lock();
    if (count(pool) != 0) {
        return Error::busy;
    }
    pools::at(pool).mode.store(mode, std::memory_order_relaxed);
    return {};
}

Result<void> reserve(Vcpu &vcpu) {
    auto guard = changes.lock();
    ScheduleEntry &entry = vcpu.schedule;
    auto queue = Processors::lock_home(entry);
    if (entry.state != VcpuState::offline) {
        return Error::already_exists;
    }
    if (!give_cpu(entry, pools::at(pool_of(vcpu.domain)))) {
        return Error::busy;
    }
    entry.state = VcpuState::starting;
    return {};
}

// A CPU does not leave its pool while it is owned, so its own pool is the one to tell.
void release(ScheduleEntry &entry) {
    entry.owned.get().for_each([](CpuId cpu) { pools::of(cpu).owned.set(cpu, false); });
    entry.owned.set(CpuSet{});
}

}  // namespace ringfold::ownership
