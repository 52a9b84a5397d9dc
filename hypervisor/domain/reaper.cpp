// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/reaper.hpp"

#include "hypervisor/cpu/kick.hpp"
#include "hypervisor/cpu/per_cpu.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/event/close.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/teardown.hpp"

#include <utility>

namespace ringfold {

namespace {

struct Orphans {
    Domain *first = nullptr;  // linked by next_orphan; the list refers to each
};
constinit Locked<Orphans, LockRank::orphans> orphans;

DomainReference take_orphan() {
    auto list = orphans.lock();
    Domain *const first = list->first;
    if (first != nullptr) {
        list->first = first->next_orphan;
        first->next_orphan = nullptr;
    }
    return DomainReference::adopt(first);
}

void put_orphan(DomainReference orphan) {
    auto list = orphans.lock();
    orphan->next_orphan = list->first;
    list->first = orphan.release();
}

void free_frame(MachineFrame frame) { free_frames(frame, Order{0}); }

Result<void> take_apart(Domain &domain) {
    if (!domain.vcpus_released) {
        TRY(close_all_ports(domain.events));
        for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
            release_vcpu(*domain.vcpus[number]);
        }
        domain.memory.close();  // whoever still refers to it gives it no more
        domain.vcpus_released = true;
    }
    return tear_down(domain.memory, free_frame);
}

}  // namespace

Result<void> reap(Domain &domain) {
    // Acquire and release: one reaper sees what the one before it did.
    if (domain.reaping.exchange(true, std::memory_order_acquire)) {
        return Error::again;
    }
    if (domain.is_gone) {
        domain.reaping.store(false, std::memory_order_release);
        return {};
    }
    const Result<void> result = take_apart(domain);
    domain.is_gone = result.ok();
    domain.reaping.store(false, std::memory_order_release);
    if (result.ok()) {
        domain_list::remove(domain);
        note_domain_gone();
    }
    return result.ok() ? Result<void>{} : Result<void>{result.error()};
}

void destroy_unborn_domain(Domain &domain) {
    if (claim_unborn(domain)) {
        while (!reap(domain).ok()) {
        }
    }
}

void leave_to_idle_cpus(Domain &domain) {
    put_orphan(DomainReference::to(domain));
    bool woken = false;
    for_each_cpu([&woken](PerCpu &cpu) {
        if (!woken && cpu.guest.idle.load(std::memory_order_seq_cst)) {
            kick(cpu.id);
            woken = true;
        }
    });
}

bool reap_some() {
    DomainReference domain = take_orphan();
    if (!domain) {
        return false;
    }
    this_cpu().guest.visit_deadline = 0;
    const Result<void> reaped = reap(*domain);
    if (!reaped.ok()) {
        put_orphan(std::move(domain));
    }
    // What is held will be tried again when this CPU has slept.
    return reaped.ok() || reaped.error() != Error::busy;
}

}  // namespace ringfold
