// SPDX-License-Identifier: Apache-2.0
//
// Commands about guests.
#include "dom0-tools/hvd/commands.hpp"

#include "dom0-tools/hvd/crash_bundle.hpp"
#include "dom0-tools/hvd/domain_row.hpp"
#include "dom0-tools/library/core_dump.hpp"
#include "dom0-tools/library/values.hpp"

#include <ringfold/device.h>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ringfold::tools {

struct Commands::Row {
    std::string_view name;
    Result (*run)(Commands &, Arguments);
};

namespace {

using nlohmann::json;

json describe_guest(const Hypervisor &hypervisor, const Guest &guest) {
    const auto info = guest.has_domain() ? hypervisor.describe(guest.id) : Outcome<ringfold_domain_info>{Failure{}};
    return to_object({guest, info.ok() ? info.value() : ringfold_domain_info{}});
}

Failure incomplete(const json::exception &exception) {
    return {Kind::usage, fmt::format("arguments that are missing or wrong: {}", exception.what())};
}

}  // namespace

Outcome<GuestReference> Commands::guest_of(Arguments arguments) const {
    return supervisor_->find(arguments.at("domain").get<std::string>());
}

Outcome<GuestReference> Commands::guest_with_domain(Arguments arguments) const {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_domain(*guest));
    return guest;
}

Commands::Result Commands::run(const std::string &command, Arguments arguments) {
    static constexpr std::array rows{
        Row{"list", [](Commands &self, Arguments given) { return self.list(given); }},
        Row{"describe", [](Commands &self, Arguments given) { return self.describe(given); }},
        Row{"destroy", [](Commands &self, Arguments given) { return self.destroy(given); }},
        Row{"shutdown", [](Commands &self, Arguments given) { return self.shutdown(given); }},
        Row{"sysrq", [](Commands &self, Arguments given) { return self.system_request(given); }},
        Row{"suspend", [](Commands &self, Arguments given) { return self.give_order(given, RINGFOLD_ORDER_SUSPEND); }},
        Row{"resume", [](Commands &self, Arguments given) { return self.give_order(given, RINGFOLD_ORDER_RESUME); }},
        Row{"pause", [](Commands &self, Arguments given) { return self.pause(given); }},
        Row{"unpause", [](Commands &self, Arguments given) { return self.unpause(given); }},
        Row{"rename", [](Commands &self, Arguments given) { return self.rename(given); }},
        Row{"vcpu-list", [](Commands &self, Arguments given) { return self.vcpu_list(given); }},
        Row{"vcpu-set", [](Commands &self, Arguments given) { return self.set_vcpus(given); }},
        Row{"vcpu-pin", [](Commands &self, Arguments given) { return self.vcpu_pin(given); }},
        Row{"sched", [](Commands &self, Arguments given) { return self.schedule(given); }},
        Row{"pool-list", [](Commands &self, Arguments given) { return self.pool_list(given); }},
        Row{"pool-cpus", [](Commands &self, Arguments given) { return self.pool_cpus(given); }},
        Row{"pool-mode", [](Commands &self, Arguments given) { return self.pool_mode(given); }},
        Row{"mem-set", [](Commands &self, Arguments given) { return self.set_memory(given); }},
        Row{"mem-max", [](Commands &self, Arguments given) { return self.set_maximum(given); }},
        Row{"registers", [](Commands &self, Arguments given) { return self.registers(given); }},
        Row{"block-list", [](Commands &self, Arguments given) { return self.block_list(given); }},
        Row{"block-attach", [](Commands &self, Arguments given) { return self.block_attach(given); }},
        Row{"block-detach", [](Commands &self, Arguments given) { return self.block_detach(given); }},
        Row{"block-reset", [](Commands &self, Arguments given) { return self.block_reset(given); }},
        Row{"block-resize", [](Commands &self, Arguments given) { return self.block_resize(given); }},
        Row{"network-list", [](Commands &self, Arguments given) { return self.network_list(given); }},
        Row{"network-attach", [](Commands &self, Arguments given) { return self.network_attach(given); }},
        Row{"network-detach", [](Commands &self, Arguments given) { return self.network_detach(given); }},
        Row{"network-reset", [](Commands &self, Arguments given) { return self.network_reset(given); }},
        Row{"info", [](Commands &self, Arguments given) { return self.info(given); }},
        Row{"stats", [](Commands &self, Arguments given) { return self.stats(given); }},
        Row{"version", [](Commands &self, Arguments given) { return self.version(given); }},
        Row{"trace-start", [](Commands &self, Arguments given) { return self.trace_start(given); }},
        Row{"trace-status", [](Commands &self, Arguments given) { return self.trace_status(given); }},
        Row{"trace-stop", [](Commands &self, Arguments given) { return self.trace_stop(given); }},
        Row{"debug-keys", [](Commands &self, Arguments given) { return self.debug_keys(given); }},
    };
    const auto row = std::ranges::find(rows, command, &Row::name);
    if (row == rows.end()) {
        return Failure{Kind::usage, fmt::format("hvd knows no command \"{}\"", command)};
    }
    return row->run(*this, arguments);
}

void Commands::handle(const std::string &command, const json &arguments, const Answer &answer) {
    try {
        if (command == "create") {
            create(arguments, answer);
        } else if (command == "dump-core") {
            dump_core(arguments, answer);
        } else if (command == "wait") {
            wait(arguments, answer);
        } else if (command == "trace-export") {
            trace_export(arguments, answer);
        } else {
            answer(run(command, arguments));
        }
    } catch (const json::exception &exception) {
        answer(incomplete(exception));
    }
}

void Commands::create(Arguments arguments, const Answer &answer) {
    const Outcome<DomainConfig> config = config_from_json(arguments.at("config"));
    if (!config.ok()) {
        answer(config.error());
        return;
    }
    const auto done = [this, answer](const Outcome<GuestReference> &guest) {
        answer(guest.ok() ? Result{describe_guest(supervisor_->hypervisor(), *guest.value())} : Result{guest.error()});
    };
    supervisor_->create(config.value(), {arguments.value("paused", false), arguments.value("throw_away", false)}, done);
}

Commands::Result Commands::list(Arguments arguments) const {
    const auto fields = TRY(domain_fields(arguments.value("fields", std::vector<std::string>{})));
    const auto show = [&fields](const DomainRow &row) {
        return fields.empty() ? to_object(row) : to_list(row, fields);
    };
    const DomainInfos domains = TRY(supervisor_->hypervisor().list());
    Guest control;
    control.name = name_in(supervisor_->self().name);
    control.id = DomainId{static_cast<uint16_t>(supervisor_->self().domain)};
    control.phase = Phase::running;
    if (const Outcome<ControlMemory> memory = supervisor_->hypervisor().port().control_memory(); memory.ok()) {
        control.memory_target = memory.value().target;
    }
    json rows = json::array();
    rows.push_back(show({control, domains.at(control.id), true}));
    std::vector<GuestReference> guests;
    for (const auto &[key, guest] : supervisor_->guests()) {
        guests.push_back(guest);
    }
    std::ranges::stable_sort(guests, {}, [](const GuestReference &guest) { return guest->id.raw(); });
    for (const GuestReference &guest : guests) {
        const ringfold_domain_info *const info = find_domain(domains, guest->id);
        rows.push_back(show({*guest, info == nullptr ? ringfold_domain_info{} : *info}));
    }
    return rows;
}

Commands::Result Commands::describe(Arguments arguments) const {
    const GuestReference guest = TRY(guest_of(arguments));
    json row = describe_guest(supervisor_->hypervisor(), *guest);
    row["config"] = guest->config ? to_json(*guest->config) : json{};
    return row;
}

Commands::Result Commands::destroy(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->destroy(guest));
    return json::object();
}

Commands::Result Commands::shutdown(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    const bool reboot = arguments.value("reboot", false);
    const json before{{"key", guest->key}, {"life", guest->life}};
    if (arguments.value("force", false)) {
        TRY(supervisor_->shut_down(guest, reboot ? RINGFOLD_SHUTDOWN_REBOOT : RINGFOLD_SHUTDOWN_POWER_OFF));
    } else {
        TRY(supervisor_->give_order(guest, reboot ? RINGFOLD_ORDER_REBOOT : RINGFOLD_ORDER_POWER_OFF, 0));
    }
    return before;
}

Commands::Result Commands::system_request(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    const auto key = arguments.at("key").get<std::string>();
    if (key.size() != 1 || std::isgraph(static_cast<unsigned char>(key[0])) == 0) {
        return Failure{Kind::usage, fmt::format("\"{}\": expected one key, like t or w", key)};
    }
    TRY(supervisor_->give_order(guest, RINGFOLD_ORDER_SYSTEM_REQUEST, static_cast<unsigned char>(key[0])));
    return json::object();
}

Commands::Result Commands::give_order(Arguments arguments, uint32_t order) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->give_order(guest, order, 0));
    return json::object();
}

Commands::Result Commands::set_vcpus(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    const auto wanted = arguments.at("vcpus").get<int64_t>();
    const uint32_t most = guest->config ? guest->config->most_vcpus() : 1;
    if (wanted < 1 || wanted > most) {
        return Failure{Kind::usage, fmt::format("{} vCPUs: {} has 1 to {}", wanted, guest->name, most)};
    }
    TRY(supervisor_->give_order(guest, RINGFOLD_ORDER_VCPUS, static_cast<uint32_t>(wanted)));
    return json::object();
}

Commands::Result Commands::pause(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->pause(guest));
    return json::object();
}

Commands::Result Commands::unpause(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->unpause(guest));
    return json::object();
}

Commands::Result Commands::rename(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(supervisor_->rename(guest, arguments.at("to").get<std::string>()));
    return json::object();
}

Commands::Result Commands::registers(Arguments arguments) const {
    const GuestReference guest = TRY(guest_with_domain(arguments));
    return json{{"text", TRY(describe_registers(supervisor_->hypervisor(), *guest))}};
}

void Commands::dump_core(Arguments arguments, const Answer &answer) {
    const Outcome<GuestReference> found = guest_with_domain(arguments);
    if (!found.ok()) {
        answer(found.error());
        return;
    }
    const auto result = std::make_shared<std::optional<Outcome<CoreSummary>>>();
    const auto work = [hypervisor = supervisor_->hypervisor(), id = found.value()->id, built = found.value()->frames,
                       map = found.value()->map, path = arguments.at("path").get<std::string>(),
                       result] { result->emplace(write_core(hypervisor, id, built, map, path)); };
    supervisor_->environment().aside(work, [result, answer] {
        const Outcome<CoreSummary> &summary = result->value();
        answer(summary.ok() ? Result{json{{"pages", summary.value().pages},
                                          {"missing", summary.value().missing},
                                          {"vcpus", summary.value().vcpus},
                                          {"segments", summary.value().segments}}}
                            : Result{summary.error()});
    });
}

// Each of `guests` is {key, life}; the answer comes when all these lives are over.
void Commands::wait(Arguments arguments, const Answer &answer) {
    Waiter waiter{{}, answer};
    for (const json &guest : arguments.at("guests")) {
        waiter.lives.emplace_back(guest.at("key").get<std::string>(), guest.at("life").get<uint64_t>());
    }
    waiters_.push_back(std::move(waiter));
    look_at_waiters();
}

void Commands::look_at_waiters() {
    const auto is_over = [this](const std::pair<std::string, uint64_t> &life) {
        const auto guest = supervisor_->guests().find(life.first);
        return guest == supervisor_->guests().end() || guest->second->life != life.second ||
               guest->second->phase == Phase::ended;
    };
    std::vector<Waiter> waiting;
    std::vector<Answer> answers;
    for (Waiter &waiter : waiters_) {
        if (std::ranges::all_of(waiter.lives, is_over)) {
            answers.push_back(std::move(waiter.answer));
        } else {
            waiting.push_back(std::move(waiter));
        }
    }
    waiters_ = std::move(waiting);
    for (const Answer &answer : answers) {
        answer(json::object());
    }
}

}  // namespace ringfold::tools
