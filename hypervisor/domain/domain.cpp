// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/domain/domain.hpp"

#include "hypervisor/cpu/counters.hpp"
#include "hypervisor/domain/domain_list.hpp"
#include "hypervisor/domain/pause.hpp"
#include "hypervisor/domain/reaper.hpp"
#include "hypervisor/event/machine_irq.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/heap.hpp"
#include "hypervisor/mm/machine_seam.hpp"
#include "hypervisor/platform/power.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>
#include <cstddef>

namespace ringfold {

namespace {

// How the machine as a whole did, for the exit status. The boot counts as running until it has built its domains.
constinit std::atomic<uint32_t> existing = 1;
constinit std::atomic<bool> every_domain_succeeded = true;
// Domains with the right to control others that have started and not ended: they destroy what is kept for them.
constinit std::atomic<uint32_t> controllers = 0;

std::string_view name_of(ShutdownReason reason) {
    switch (reason) {
        case ShutdownReason::power_off:
            return "power off";
        case ShutdownReason::reboot:
            return "reboot";
        case ShutdownReason::crash:
            return "crash";
        case ShutdownReason::watchdog:
            return "watchdog";
        case ShutdownReason::destroyed:
            return "destruction";
    }
    return "?";
}

void flush_console(Domain &domain) {
    auto console = domain.console.lock();
    if (!console->line.empty()) {
        static_cast<void>(console->line.flush([&domain](std::string_view text) {
            log_last_of_guest(domain.id, text);
            return true;
        }));
    }
}

bool advance(Domain &domain, DomainState from, DomainState to) {
    return domain.state.compare_exchange_strong(from, to, std::memory_order_seq_cst);
}

// Nobody is left who could destroy or unpause them, or go on with destroying them.
void abandon_kept_domains() {
    domain_list::for_each([](Domain &domain) {
        if (domain.is_kept) {
            (void)(claim_ended(domain) || claim_unborn(domain));
        }
        if (domain.state.load(std::memory_order_seq_cst) == DomainState::dying) {
            leave_to_idle_cpus(domain);
        }
    });
    domain_list::for_each_unlocked(lift_pauses);
}

// The devices were the control domain's, so nothing goes on without it.
[[noreturn]] void end_machine(const Domain &control) {
    log_counters();
    const bool crashed = control.reason == ShutdownReason::crash || control.reason == ShutdownReason::watchdog;
    if (control.reason == ShutdownReason::reboot || (crashed && control.restarts_machine)) {
        restart();
    }
    const bool succeeded = every_domain_succeeded.load(std::memory_order_relaxed);
    power_off(static_cast<uint8_t>(succeeded || control.exit_code != 0 ? control.exit_code : 1));
}

bool is_controller(const Domain &domain) { return domain.rights.has(Right::control); }

// It controls nobody any more.
void retire(const Domain &domain) {
    if (is_controller(domain) && controllers.fetch_sub(1, std::memory_order_seq_cst) == 1) {
        abandon_kept_domains();
    }
}

// Who uses a grant of a domain refers to it as anybody else does.
GrantKeeper grant_keeper(Domain &domain) {
    return {
        .context = &domain,
        .keep =
            [](void *context) {
                const Domain *const kept = DomainReference::to(*static_cast<Domain *>(context)).release();
                invariant(kept != nullptr, "who finds a domain's grants refers to the domain");
            },
        .let_go =
            [](void *context) { const DomainReference last = DomainReference::adopt(static_cast<Domain *>(context)); }};
}

}  // namespace

Domain::Domain(DomainId number, std::string_view domain_name, FrameCount maximum, Rights held)
    : id(number), rights(held), memory(number, maximum), grants(memory, grant_keeper(*this)) {
    std::copy_n(domain_name.begin(), std::min(domain_name.size(), name.size() - 1), name.begin());
    existing.fetch_add(1, std::memory_order_relaxed);
}

void begin_shutdown(Domain &domain, ShutdownReason reason, uint32_t code) {
    if (!advance(domain, DomainState::running, DomainState::ending)) {
        return;
    }
    domain.reason = reason;
    domain.exit_code = code;
    // Sequentially consistent: either who sets a cap sees that it ends, or the cap is lifted after it was set.
    domain.ending.store(true, std::memory_order_seq_cst);
    domain.schedule.bandwidth.set_cap(Bandwidth::unlimited);  // its end does not wait for its next allowance
    domain.schedule.standstill.forbid();  // after that: whoever may choose a vCPU again sees that it ends
    scheduler::interrupt_domain(domain);
}

Result<void> shut_down(Domain &domain, uint32_t reason, uint32_t code) {
    constexpr uint32_t highest_code = 255;
    if (reason > RINGFOLD_SHUTDOWN_CRASH || code > highest_code) {
        return Error::invalid_argument;
    }
    begin_shutdown(domain, static_cast<ShutdownReason>(reason), code);
    return {};
}

bool claim_unborn(Domain &domain) { return advance(domain, DomainState::building, DomainState::dying); }

void destroy_unlisted_domain(Domain &domain) {
    domain.state.store(DomainState::dying, std::memory_order_relaxed);
    free_domain(domain);
    note_domain_gone();
}

void free_domain(Domain &domain) {
    for (uint32_t number = 0; number < domain.vcpu_count; ++number) {
        destroy(domain.vcpus[number]);
    }
    destroy(&domain);
}

// Nobody takes the last controller for gone meanwhile: it is the caller that starts another one.
bool claim_start(Domain &domain) {
    const bool claimed = advance(domain, DomainState::building, DomainState::running);
    if (claimed && is_controller(domain)) {
        controllers.fetch_add(1, std::memory_order_seq_cst);
    }
    return claimed;
}

void give_up_start(Domain &domain) {
    if (advance(domain, DomainState::running, DomainState::building)) {
        retire(domain);
    } else {
        finish_shutdown(domain);  // somebody ended it meanwhile, and waits for a last vCPU
    }
}

bool claim_ended(Domain &domain) { return advance(domain, DomainState::ended, DomainState::dying); }

void finish_shutdown(Domain &domain) {
    flush_console(domain);
    log_info("d{} {}: ended with {}, code {}", domain.id, domain.name_text(), name_of(domain.reason), domain.exit_code);
    if (!domain.is_kept && (domain.reason != ShutdownReason::power_off || domain.exit_code != 0)) {
        note_failed_domain();
    }
    if (domain.is_control) {
        end_machine(domain);
    }
    end_pauses(domain);
    retire(domain);
    domain.state.store(DomainState::ended, std::memory_order_seq_cst);
    raise_machine_irq(VirtualIrq::domain_state);
    // Either this sees that nobody is left to destroy the domain, or who retired last sees that it has ended.
    if (!domain.is_kept || controllers.load(std::memory_order_seq_cst) == 0) {
        if (claim_ended(domain)) {
            leave_to_idle_cpus(domain);
        }
    }
}

void note_domain_gone() {
    raise_machine_irq(VirtualIrq::domain_state);
    if (existing.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        log_counters();
        power_off(every_domain_succeeded.load(std::memory_order_relaxed) ? 0 : 1);
    }
}

void note_failed_domain() { every_domain_succeeded.store(false, std::memory_order_relaxed); }

void end_of_boot() { note_domain_gone(); }

}  // namespace ringfold
