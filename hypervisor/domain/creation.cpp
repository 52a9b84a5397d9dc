// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/creation.hpp"

#include "hypervisor/cpu/topology.hpp"
#include "hypervisor/mm/heap.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace ringfold {

namespace {

// CPUs counted round and round among those that are up.
CpuId online_cpu(unsigned number) {
    uint64_t left = online_cpus().raw();
    const unsigned online = std::max(online_cpus().size(), 1U);  // this CPU is
    for (unsigned skip = number % online; skip > 0; --skip) {
        left &= left - 1;
    }
    return CpuId{static_cast<uint16_t>(std::countr_zero(left))};
}

static_assert(heap_size_of<Vcpu> <= SlabHeap::largest, "a vCPU does not take two frames");

Result<void> create_vcpus(Domain &domain, const DomainDescription &description) {
    for (uint32_t number = 0; number < description.vcpus; ++number) {
        const CpuId home = online_cpu(description.first_cpu.raw() + number);
        domain.vcpus[number] = TRY(create<Vcpu>(domain, VcpuId{static_cast<uint16_t>(number)}, home));
        domain.vcpu_count = number + 1;
        domain.events.lock()->add(domain.vcpus[number]->events);
    }
    return {};
}

}  // namespace

Result<DomainReference> create_domain(DomainId id, const DomainDescription &description) {
    Domain &domain = *TRY(create<Domain>(id, description.name, description.maximum, description.rights));
    domain.is_kept = description.is_kept;
    domain.is_control = description.is_control;
    domain.restarts_machine = description.restarts_machine;
    if (domain.rights.has(Right::hardware)) {
        domain.memory.allow_all_devices();
    }
    domain.console_is_logged = description.console_is_logged;
    // Until it is complete nobody can find it; then this caller's reference comes before the list's can go.
    Result<void> complete = create_vcpus(domain, description);
    if (complete.ok()) {
        complete = domain_list::add(domain);
    }
    if (!complete.ok()) {
        destroy_unlisted_domain(domain);
        return complete.error();
    }
    return DomainReference::to(domain);
}

}  // namespace ringfold
