// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/domain.hpp"

#include "hypervisor/cpu/counters.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/teardown.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>

namespace ringfold {

namespace {

// How the machine as a whole did, for the exit status. The boot counts as running until it has built its domains.
constinit std::atomic<uint32_t> running = 1;
constinit std::atomic<bool> every_domain_succeeded = true;

std::string_view name_of(ShutdownReason reason) {
    switch (reason) {
        case ShutdownReason::power_off:
            return "power off";
        case ShutdownReason::reboot:
            return "reboot";
        case ShutdownReason::crash:
            return "crash";
    }
    return "?";
}

void end_of_one() {
    if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        log_counters();
        power_off(every_domain_succeeded.load(std::memory_order_relaxed) ? 0 : 1);
    }
}

void give_everything_back(Domain &domain) {
    domain_list::remove(domain);
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        release_vcpu(*domain.vcpus[number]);
    }
    // Nobody holds a frame any more: it can only ask to be called again.
    while (!tear_down(domain.memory, [](MachineFrame frame) { free_frames(frame, Order{0}); }).ok()) {
    }
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        destroy(domain.vcpus[number]);
    }
    destroy(&domain);
}

}  // namespace

Domain::Domain(DomainId number, std::string_view domain_name, FrameCount maximum)
    : id(number), memory(number, maximum) {
    std::copy_n(domain_name.begin(), std::min(domain_name.size(), name.size() - 1), name.begin());
    running.fetch_add(1, std::memory_order_relaxed);
}

void begin_shutdown(Domain &domain, ShutdownReason reason, uint32_t code) {
    if (domain.shutdown_claimed.exchange(true, std::memory_order_acq_rel)) {
        return;
    }
    domain.reason = reason;
    domain.exit_code = code;
    domain.schedule.bandwidth.set_cap(Bandwidth::unlimited);  // its end does not wait for its next allowance
    domain.ending.store(true, std::memory_order_release);
    scheduler::interrupt_domain(domain);
}

void destroy_unborn_domain(Domain &domain) {
    every_domain_succeeded.store(false, std::memory_order_relaxed);
    give_everything_back(domain);
    end_of_one();
}

void finish_shutdown(Domain &domain) {
    {
        auto line = domain.console.lock();
        if (!line->empty()) {
            line->flush([&domain](std::string_view text) { log_guest(domain.id, text); });
        }
    }
    log_info("d{} {}: ended with {}, code {}", domain.id, domain.name_text(), name_of(domain.reason), domain.exit_code);
    if (domain.reason != ShutdownReason::power_off || domain.exit_code != 0) {
        every_domain_succeeded.store(false, std::memory_order_relaxed);
    }
    give_everything_back(domain);
    end_of_one();
}

void note_failed_domain() { every_domain_succeeded.store(false, std::memory_order_relaxed); }

void end_of_boot() { end_of_one(); }

}  // namespace ringfold
