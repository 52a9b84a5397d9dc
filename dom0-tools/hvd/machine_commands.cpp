// SPDX-License-Identifier: Apache-2.0
//
// Commands about CPUs and the machine.
#include "dom0-tools/hvd/commands.hpp"
#include "dom0-tools/library/hypercall_text.hpp"
#include "dom0-tools/library/values.hpp"

#include <ringfold/platform.h>
#include <ringfold/start_info.h>

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace ringfold::tools {

using nlohmann::json;

namespace {

// What has this counter.
enum class Of : uint8_t { both, machine, domain };

struct CounterName {
    const char *name;
    uint64_t ringfold_counters::*value;
    Of of = Of::both;
};

constexpr std::array counter_names{
    CounterName{"interrupts", &ringfold_counters::interrupts},
    CounterName{"ipis_sent", &ringfold_counters::ipis_sent},
    CounterName{"ipis_received", &ringfold_counters::ipis_received},
    CounterName{"nmis", &ringfold_counters::nmis, Of::machine},
    CounterName{"machine_checks", &ringfold_counters::machine_checks, Of::machine},
    CounterName{"debug_exceptions", &ringfold_counters::debug_exceptions},
    CounterName{"upcalls", &ringfold_counters::upcalls},
    CounterName{"injected_exceptions", &ringfold_counters::injected_exceptions},
    CounterName{"root_loads", &ringfold_counters::root_loads},
    CounterName{"root_copies", &ringfold_counters::root_copies},
    CounterName{"guest_flushes", &ringfold_counters::guest_flushes},
    CounterName{"safety_flushes", &ringfold_counters::safety_flushes},
    CounterName{"safety_flushes_saved", &ringfold_counters::safety_flushes_saved, Of::machine},
    CounterName{"vcpu_switches", &ringfold_counters::vcpu_switches},
    CounterName{"page_table_operations", &ringfold_counters::page_table_operations},
    CounterName{"free_frames", &ringfold_counters::free_frames, Of::machine},
    CounterName{"entries", &ringfold_counters::entries},
    CounterName{"events_sent", &ringfold_counters::events_sent},
    CounterName{"grant_maps", &ringfold_counters::grant_maps},
    CounterName{"grant_unmaps", &ringfold_counters::grant_unmaps},
    CounterName{"grant_copies", &ringfold_counters::grant_copies},
    CounterName{"grant_transfers", &ringfold_counters::grant_transfers},
    CounterName{"idle_time", &ringfold_counters::idle_time, Of::machine},
    CounterName{"run_time", &ringfold_counters::run_time, Of::domain},
};

json counters_json(const ringfold_counters &counters, Of of) {
    json calls = json::object();
    uint64_t unknown = 0;
    for (uint32_t number = 0; number < std::size(counters.hypercalls); ++number) {
        const std::string_view name = hypercall_name(number);
        if (name.empty()) {
            unknown += counters.hypercalls[number];
        } else if (counters.hypercalls[number] != 0) {
            calls[std::string{name}] = counters.hypercalls[number];
        }
    }
    json answer{{"hypercalls", std::move(calls)}, {"unknown_hypercalls", unknown}};
    for (const CounterName &row : counter_names) {
        if (row.of == Of::both || row.of == of) {
            answer[row.name] = counters.*row.value;
        }
    }
    return answer;
}

std::string abi_text(uint32_t abi) { return fmt::format("{}.{}", abi >> 16, abi & 0xffff); }

json version_json(const HypervisorVersion &version) {
    return {{"tools", RINGFOLD_VERSION},
            {"abi", abi_text(version.abi)},
            {"tools_abi", abi_text(RINGFOLD_ABI_VERSION)},
            {"build", fmt::format("{:016x}", version.build)},
            {"debug", (version.features & RINGFOLD_START_DEBUG) != 0},
            {"pcid", (version.features & RINGFOLD_START_PCID) != 0},
            {"tsc_in_step", (version.features & RINGFOLD_START_TSC) != 0},
            {"big_pages_executable", (version.features & RINGFOLD_START_BIG_EXECUTABLE) != 0}};
}

}  // namespace

// The control domain, too: where its vCPUs run is the host's business.
Outcome<std::vector<Commands::NamedDomain>> Commands::chosen(const std::optional<std::string> &wanted) const {
    const NamedDomain control{name_in(supervisor_->self().name), self_domain};
    if (wanted && *wanted == control.name) {
        return std::vector{control};
    }
    if (wanted) {
        const GuestReference guest = TRY(supervisor_->find(*wanted));
        TRY(need_domain(*guest));
        return std::vector{NamedDomain{guest->name, guest->id}};
    }
    std::vector all{control};
    for (const auto &[key, guest] : supervisor_->guests()) {
        if (guest->has_domain()) {
            all.push_back({guest->name, guest->id});
        }
    }
    return all;
}

Commands::Result Commands::vcpu_list(Arguments arguments) const {
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    json rows = json::array();
    const std::string wanted = arguments.value("domain", "");
    for (const NamedDomain &domain : TRY(chosen(wanted.empty() ? std::nullopt : std::optional{wanted}))) {
        const ringfold_domain_info info = TRY(hypervisor.describe(domain.id));
        for (uint32_t vcpu = 0; vcpu < info.vcpu_count; ++vcpu) {
            const ringfold_vcpu_schedule schedule = TRY(hypervisor.vcpu_schedule(domain.id, vcpu));
            rows.push_back({{"name", domain.name},
                            {"id", info.domain},
                            {"vcpu", vcpu},
                            {"cpu", schedule.cpu},
                            {"affinity", format_cpus(schedule.affinity)},
                            {"preferred", format_cpus(schedule.preferred)}});
        }
    }
    return rows;
}

Commands::Result Commands::vcpu_pin(Arguments arguments) {
    const GuestReference guest = TRY(guest_with_domain(arguments));
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    const uint64_t affinity = TRY(parse_cpus(arguments.at("cpus").get<std::string>()));
    const uint64_t preferred = TRY(parse_cpus(arguments.value("preferred", arguments.at("cpus").get<std::string>())));
    const ringfold_domain_info info = TRY(hypervisor.describe(guest->id));
    const std::string which = arguments.at("vcpu").get<std::string>();
    const bool all = which == "all";
    const uint64_t only = all ? 0 : TRY(parse_number(which, 0, info.vcpu_count - 1));
    for (uint32_t vcpu = 0; vcpu < info.vcpu_count; ++vcpu) {
        if (all || vcpu == only) {
            TRY(hypervisor.set_vcpu_schedule(guest->id, vcpu, affinity, preferred));
        }
    }
    return json::object();
}

Commands::Result Commands::schedule(Arguments arguments) {
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    json rows = json::array();
    std::optional<std::string> wanted;
    if (arguments.contains("domain")) {
        wanted = arguments.at("domain").get<std::string>();
    }
    const bool changes =
        wanted && (arguments.contains("weight") || arguments.contains("cap") || arguments.contains("pool"));
    for (const NamedDomain &domain : TRY(chosen(wanted))) {
        ringfold_domain_schedule schedule = TRY(hypervisor.schedule(domain.id));
        if (changes) {
            schedule.weight = arguments.value("weight", schedule.weight);
            schedule.cap = arguments.value("cap", schedule.cap);
            schedule.pool = arguments.value("pool", schedule.pool);
            TRY(hypervisor.set_schedule(domain.id, schedule));
            schedule = TRY(hypervisor.schedule(domain.id));
        }
        rows.push_back(
            {{"name", domain.name}, {"weight", schedule.weight}, {"cap", schedule.cap}, {"pool", schedule.pool}});
    }
    return rows;
}

// The answer comes when it was told: who wants to know what it did, looks.
Commands::Result Commands::set_memory(Arguments arguments) {
    const auto name = arguments.at("domain").get<std::string>();
    const Outcome<uint64_t> parsed = parse_mebibytes(arguments.at("memory").get<std::string>());
    if (!parsed.ok()) {
        return Failure{Kind::usage, parsed.error().text};
    }
    const uint64_t mebibytes = parsed.value();
    if (supervisor_->is_control(name)) {
        TRY(supervisor_->set_control_memory(mebibytes));
        return json{{"id", supervisor_->self().domain}, {"target_frames", frames_in_mebibytes(mebibytes).raw()}};
    }
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->set_memory(guest, mebibytes));
    return json{{"id", guest->id.raw()}, {"target_frames", guest->memory_target.raw()}};
}

Commands::Result Commands::set_maximum(Arguments arguments) {
    const GuestReference guest = TRY(guest_with_domain(arguments));
    const uint64_t mebibytes = TRY(parse_mebibytes(arguments.at("memory").get<std::string>()));
    TRY(supervisor_->hypervisor().set_maximum(guest->id, frames_in_mebibytes(mebibytes)));
    return json::object();
}

Commands::Result Commands::info(Arguments) const {
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    json answer = version_json(TRY(hypervisor.version()));
    uint64_t memory = 0;
    for (const ringfold_machine_range &range : TRY(hypervisor.machine_memory())) {
        memory += range.type == RINGFOLD_MEMORY_AVAILABLE ? range.size : 0;
    }
    uint64_t cpus = 0;
    for (uint32_t pool = 0; pool < RINGFOLD_POOL_COUNT; ++pool) {
        cpus |= TRY(hypervisor.pool(pool)).cpus;
    }
    answer.update({{"memory_mib", memory >> 20},
                   {"free_memory_mib", FrameCount{TRY(hypervisor.counters()).free_frames}.bytes() >> 20},
                   {"cpus", std::popcount(cpus)},
                   {"domains", supervisor_->guests().size() + 1},
                   {"logs", supervisor_->environment().log_directory.string()}});
    return answer;
}

// Of the machine, or of one domain.
Commands::Result Commands::stats(Arguments arguments) const {
    const Hypervisor &hypervisor = supervisor_->hypervisor();
    if (!arguments.contains("domain")) {
        return counters_json(TRY(hypervisor.counters()), Of::machine);
    }
    const std::vector<NamedDomain> domains = TRY(chosen(arguments.at("domain").get<std::string>()));
    return counters_json(TRY(hypervisor.counters_of(domains.front().id)), Of::domain);
}

Commands::Result Commands::version(Arguments) const { return version_json(TRY(supervisor_->hypervisor().version())); }

// The hypervisor answers in its log.
Commands::Result Commands::debug_keys(Arguments arguments) {
    supervisor_->read_log();
    const uint64_t before = supervisor_->log().end();
    for (const char key : arguments.at("keys").get<std::string>()) {
        const Outcome<void> pressed = supervisor_->hypervisor().press_debug_key(key);
        if (!pressed.ok()) {
            return during(fmt::format("key {}", key), pressed.error());
        }
    }
    supervisor_->read_log();
    return json{{"text", TRY(supervisor_->log().text_from(before))}};
}

}  // namespace ringfold::tools
