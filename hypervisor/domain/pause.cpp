// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/pause.hpp"

#include "hypervisor/platform/time.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>

namespace ringfold {

namespace {

// What is left of a watchdog's time, 0 for one that is not armed: at least 1 otherwise, even if it is over.
uint64_t left_until(uint64_t deadline) {
    if (deadline == 0) {
        return 0;
    }
    const uint64_t now = nanoseconds_since_boot();
    return deadline > now ? deadline - now : 1;
}

void resume(Domain &domain, Pauses &pauses) {
    pauses.count = 0;
    domain.schedule.standstill.end();
    scheduler::resume_domain(domain);
    if (pauses.watchdog_left != 0) {
        const uint64_t now = nanoseconds_since_boot();
        scheduler::set_watchdog(domain, now + std::min(pauses.watchdog_left, UINT64_MAX - now));
        pauses.watchdog_left = 0;
    }
}

}  // namespace

Result<void> pause(Domain &domain) {
    auto pauses = domain.pauses.lock();
    if (pauses->count == RINGFOLD_DOMAIN_PAUSES_MAX) {
        return Error::limit_reached;
    }
    if (!domain.schedule.standstill.begin()) {
        return Error::busy;
    }
    if (++pauses->count == 1) {
        pauses->watchdog_left = left_until(scheduler::set_watchdog(domain, 0));
        scheduler::hold_domain(domain);
    }
    return {};
}

Result<uint32_t> unpause(Domain &domain) {
    auto pauses = domain.pauses.lock();
    if (pauses->count == 0) {
        return Error::invalid_argument;
    }
    if (--pauses->count == 0) {
        resume(domain, *pauses);
    }
    return uint32_t{pauses->count};
}

void lift_pauses(Domain &domain) {
    auto pauses = domain.pauses.lock();
    domain.is_debugged.store(false, std::memory_order_relaxed);
    if (pauses->count != 0) {
        resume(domain, *pauses);
    }
}

uint32_t pauses_of(Domain &domain) { return domain.pauses.lock()->count; }

void set_watchdog(Domain &domain, uint64_t deadline) {
    auto pauses = domain.pauses.lock();
    if (pauses->count == 0) {
        scheduler::set_watchdog(domain, deadline);
    } else {
        pauses->watchdog_left = left_until(deadline);
    }
}

void end_pauses(Domain &domain) {
    auto pauses = domain.pauses.lock();
    *pauses = Pauses{};
    scheduler::set_watchdog(domain, 0);
}

}  // namespace ringfold
