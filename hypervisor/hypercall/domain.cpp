// SPDX-License-Identifier: Apache-2.0
//
// Domains made, started, ended and looked at by another domain that may.
#include "hypervisor/domain/access.hpp"
#include "hypervisor/domain/creation.hpp"
#include "hypervisor/domain/holder.hpp"
#include "hypervisor/domain/pause.hpp"
#include "hypervisor/domain/reaper.hpp"
#include "hypervisor/domain/vcpu_rules.hpp"
#include "hypervisor/domain/vcpu_start.hpp"
#include "hypervisor/hypercall/handlers.hpp"
#include "hypervisor/lib/log.hpp"
#include "hypervisor/mm/frame_allocator.hpp"
#include "hypervisor/sched/scheduler.hpp"

#include <algorithm>
#include <string_view>

namespace ringfold::hypercall {

namespace {

constexpr uint64_t most_memory = uint64_t{1} << 40;  // frames

// The text before the NUL. invalid_argument: there is none, or something else than printable ASCII.
Result<std::string_view> read_name(const char (&name)[RINGFOLD_DOMAIN_NAME_SIZE]) {
    const char *const end = std::find(std::begin(name), std::end(name), '\0');
    const bool good = end != std::begin(name) && end != std::end(name) &&
                      std::all_of(std::begin(name), end, [](char c) { return c > ' ' && c <= '~'; });
    if (!good) {
        return Error::invalid_argument;
    }
    return std::string_view{std::begin(name), end};
}

Result<DomainDescription> check(const Domain &creator, const ringfold_domain_configuration &configuration) {
    const std::string_view name = TRY(read_name(configuration.name));
    if (configuration.reserved != 0 || (configuration.flags & ~RINGFOLD_DOMAIN_FLAGS_ALL) != 0) {
        return Error::invalid_argument;
    }
    if (!creator.rights.includes(Rights{configuration.rights})) {
        return Error::not_permitted;
    }
    if (configuration.maximum_frames == 0 || configuration.maximum_frames > most_memory ||
        configuration.vcpu_count == 0 || configuration.vcpu_count > RINGFOLD_MAX_VCPUS ||
        configuration.first_cpu >= cpu_set_capacity) {
        return Error::out_of_range;
    }
    return DomainDescription{.name = name,
                             .maximum = FrameCount{configuration.maximum_frames},
                             .rights = Rights{configuration.rights},
                             .vcpus = configuration.vcpu_count,
                             .first_cpu = CpuId{static_cast<uint16_t>(configuration.first_cpu)},
                             .is_kept = true,
                             .console_is_logged = (configuration.flags & RINGFOLD_DOMAIN_CONSOLE_LOGGED) != 0};
}

// A number that is free when it is asked for may be taken a moment later.
Result<DomainReference> create_somewhere(const DomainDescription &description) {
    for (;;) {
        Result<DomainReference> domain = create_domain(TRY(domain_list::free_id()), description);
        if (domain.ok() || domain.error() != Error::already_exists) {
            return domain;
        }
    }
}

ringfold_domain_info describe(Domain &domain) {
    ringfold_domain_info info{};
    info.domain = domain.id.raw();
    info.state = static_cast<uint32_t>(domain.state.load(std::memory_order_acquire));
    if (info.state >= RINGFOLD_DOMAIN_ENDED) {
        info.shutdown_reason = static_cast<uint32_t>(domain.reason);
        info.shutdown_code = domain.exit_code;
    }
    info.rights = domain.rights.raw();
    info.maximum_frames = domain.memory.maximum().raw();
    info.owned_frames = domain.memory.owned().raw();
    info.vcpu_count = domain.vcpu_count;
    info.vcpus_online = domain.vcpus_online.load(std::memory_order_relaxed);
    std::copy(domain.name.begin(), domain.name.end(), std::begin(info.name));
    info.run_time = scheduler::run_time_of(domain);
    info.pauses = pauses_of(domain);
    info.console_written = domain.console.lock()->output.written();
    return info;
}

// Claims the domain for taking it apart, whatever it is doing. again: it first has to end.
Result<void> claim(Domain &domain) {
    if (claim_unborn(domain) || claim_ended(domain) ||
        domain.state.load(std::memory_order_seq_cst) == DomainState::dying) {
        return {};
    }
    begin_shutdown(domain, ShutdownReason::destroyed, 0);
    return Error::again;
}

}  // namespace

Returns_value domain_create(Vcpu &caller, uint64_t offset) {
    ringfold_domain_configuration configuration;
    TRY(caller.call_buffer.read_object(offset, configuration));
    const DomainDescription description = TRY(check(caller.domain, configuration));
    const DomainReference domain = TRY(create_somewhere(description));
    log_debug("d{} {}: created by d{}", domain->id, domain->name_text(), caller.domain.id);
    return uint64_t{domain->id.raw()};
}

Returns_progress domain_destroy(Vcpu &caller, uint32_t domain) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    TRY(claim(*other));
    const Result<void> reaped = reap(*other);
    const bool is_held = !reaped.ok() && reaped.error() == Error::busy;
    return {is_held ? find_holder(*other).raw() : uint64_t{0}, reaped};
}

Returns_nothing domain_shutdown(Vcpu &caller, uint32_t domain, uint32_t reason, uint32_t code) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    return shut_down(*other, reason, code);
}

Returns_nothing domain_start(Vcpu &caller, uint32_t domain, uint64_t offset, uint64_t hypercall_return) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    ringfold_vcpu_context context;
    TRY(caller.call_buffer.read_object(offset, context));
    ringfold_vcpu_entries entries{};
    entries.hypercall_return = hypercall_return;
    TRY(check_entries(entries));
    return start_domain(*other->vcpus[0], entries, context);
}

Returns_nothing domain_maximum_set(Vcpu &caller, uint32_t domain, uint64_t frames) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    if (frames == 0 || frames > most_memory) {
        return Error::out_of_range;
    }
    return other->memory.change_maximum(FrameCount{frames});
}

Returns_nothing domain_claim(Vcpu &caller, uint32_t domain, uint64_t frames) {
    const DomainReference other = TRY(find_other(caller.domain, domain, Right::control));
    DomainMemory &memory = other->memory;
    const FrameCount maximum = memory.maximum();  // may change at any moment, as what it owns
    const FrameCount owned = memory.owned();
    if (frames != 0 && (owned > maximum || FrameCount{frames} > maximum - owned)) {
        return maximum == FrameCount{} ? Error::busy : Error::out_of_range;
    }
    return claim_frames(memory.claim(), FrameCount{frames});
}

Returns_nothing domain_describe(Vcpu &caller, uint32_t domain, uint64_t offset) {
    const DomainReference target = TRY(find_target(caller.domain, domain, Right::inspect));
    return caller.call_buffer.write_object(offset, describe(*target));
}

Returns_value domain_list(Vcpu &caller, uint32_t cursor, uint64_t offset, uint64_t count) {
    if (count == 0 || count > RINGFOLD_DOMAIN_LIST_MAX) {
        return Error::out_of_range;
    }
    TRY(caller.call_buffer.check(offset, count * sizeof(ringfold_domain_info)));
    std::size_t place = cursor;
    for (uint64_t written = 0; written < count;) {
        const DomainReference domain = domain_list::from_place(place);
        if (domain && !may_act_on(caller.domain.rights, Right::inspect, domain->rights)) {
            continue;
        }
        const ringfold_domain_info info = domain ? describe(*domain) : ringfold_domain_info{};
        TRY(caller.call_buffer.write_object(offset + written++ * sizeof(info), info));
        if (!domain) {
            break;
        }
    }
    return uint64_t{place};
}

}  // namespace ringfold::hypercall
