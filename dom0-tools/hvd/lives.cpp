// SPDX-License-Identifier: Apache-2.0
//
// How guests begin, end, and begin again.
#include "dom0-tools/hvd/crash_bundle.hpp"
#include "dom0-tools/hvd/supervisor.hpp"
#include "dom0-tools/library/core_dump.hpp"

#include <ringfold/domain.h>

#include <fmt/core.h>

#include <algorithm>

namespace ringfold::tools {

namespace {

constexpr uint64_t quick_end = 2'000'000'000;  // ns: a life that is over at once
constexpr uint64_t most_quick_ends = 5;        // then it is not started again

struct GuestFiles {
    KernelImage kernel;
    MappedFile ramdisk;
};

Outcome<GuestFiles> open_files(const DomainConfig &config) {
    // What does not fit into the guest is not unpacked here either.
    const uint64_t limit = std::min<uint64_t>(config.memory_mib << 20, KernelImage::largest_unpacked);
    GuestFiles files{TRY(KernelImage::load(config.kernel, limit)), {}};
    if (!config.ramdisk.empty()) {
        Outcome<MappedFile> ramdisk = MappedFile::open(config.ramdisk);
        if (!ramdisk.ok()) {
            return during("the ramdisk", ramdisk.error());
        }
        files.ramdisk = ramdisk.take();
    }
    return files;
}

GuestPlan plan_of(const DomainConfig &config, const GuestFiles &files) {
    GuestPlan plan;
    plan.name = config.name;
    plan.memory = config.memory();
    plan.maximum = config.maximum();
    plan.vcpus = config.most_vcpus();
    plan.command_line = config.command_line;
    if (config.vcpus < config.most_vcpus()) {  // Linux starts that many, and adds others when it is told to
        plan.command_line += fmt::format(" maxcpus={}", config.vcpus);
    }
    plan.kernel = &files.kernel;
    plan.ramdisk = files.ramdisk.bytes();
    plan.disks = config.disks;
    plan.networks = config.networks;
    return plan;
}

EndAction action_for(const DomainConfig &config, uint32_t reason) {
    switch (reason) {
        case RINGFOLD_SHUTDOWN_POWER_OFF:
            return config.on_poweroff;
        case RINGFOLD_SHUTDOWN_REBOOT:
            return config.on_reboot;
        case RINGFOLD_SHUTDOWN_WATCHDOG:
            return config.on_watchdog;
        default:
            return config.on_crash;
    }
}

}  // namespace

std::string_view shutdown_reason_name(uint32_t reason) {
    switch (reason) {
        case RINGFOLD_SHUTDOWN_POWER_OFF:
            return "poweroff";
        case RINGFOLD_SHUTDOWN_REBOOT:
            return "reboot";
        case RINGFOLD_SHUTDOWN_CRASH:
            return "crash";
        case RINGFOLD_SHUTDOWN_WATCHDOG:
            return "watchdog";
        case RINGFOLD_SHUTDOWN_DESTROYED:
            return "destruction";
        default:
            return "unknown";
    }
}

Outcome<BuiltGuest> build_from_files(const Hypervisor &hypervisor, const DomainConfig &config) {
    const GuestFiles files = TRY(open_files(config));
    Outcome<BuiltGuest> built = build_guest(hypervisor, plan_of(config, files));
    const Outcome<void> kernel = files.kernel.check_unchanged();
    const Outcome<void> unchanged = kernel.ok() ? files.ramdisk.check_unchanged() : kernel;
    if (!unchanged.ok()) {
        if (built.ok()) {
            TRY(hypervisor.destroy(built.value().id));
        }
        return unchanged.error();
    }
    return built;
}

// The guest's phase is building or restarting; its domain is built aside.
void Supervisor::build(const GuestReference &guest, bool paused, Created done) {
    const auto result = std::make_shared<std::optional<Outcome<BuiltGuest>>>();
    const auto work = [hypervisor = hypervisor_, config = *guest->config, result] {
        result->emplace(build_from_files(hypervisor, config));
    };
    environment_.aside(work, [this, guest, paused, result, done = std::move(done)] {
        Outcome<BuiltGuest> &built = result->value();
        if (!built.ok()) {
            done(built.error());
            return;
        }
        const Outcome<void> up = bring_up(guest, built.take(), paused);
        done(up.ok() ? Outcome<GuestReference>{guest} : up.error());
    });
}

Outcome<void> Supervisor::bring_up(const GuestReference &guest, BuiltGuest built, bool paused) {
    guest->id = built.id;
    const auto finish = [&]() -> Outcome<void> {
        // Who finds a domain by its record before it was started ends it; afterwards, keeps it.
        TRY(records_.save(*guest));
        guest->frames = std::move(built.frames);
        guest->map = built.map;
        guest->memory_target = guest->config->memory();
        TRY(records_.save_frames(*guest));
        TRY(open_console(*guest));
        TRY(set_parameters(*guest));
        if (paused) {
            TRY(hypervisor_.pause(guest->id));
        }
        return start_guest(hypervisor_, built);
    };
    const Outcome<void> started = finish();
    if (!started.ok()) {
        (void)hypervisor_.destroy(guest->id).ok();  // it never ran: nobody holds anything of it
        guest->id = DomainId{};
        return started;
    }
    guest->paused = paused;
    guest->phase = Phase::running;
    guest->started = environment_.monotonic_time();
    save(*guest);
    read_console(*guest);
    return {};
}

Outcome<void> Supervisor::set_parameters(const Guest &guest) const {
    const DomainConfig &config = *guest.config;
    const DomainConfig usual;
    if (config.weight != usual.weight || config.cap != usual.cap || config.pool != usual.pool) {
        ringfold_domain_schedule schedule = TRY(hypervisor_.schedule(guest.id));
        schedule.weight = config.weight;
        schedule.cap = config.cap;
        schedule.pool = config.pool;
        TRY(hypervisor_.set_schedule(guest.id, schedule));
    }
    for (uint32_t vcpu = 0; vcpu < config.most_vcpus() && !config.cpus.empty(); ++vcpu) {
        const uint64_t set = config.cpus[std::min<std::size_t>(vcpu, config.cpus.size() - 1)];
        const Outcome<void> pinned = hypervisor_.set_vcpu_schedule(guest.id, vcpu, set, set);
        if (!pinned.ok()) {
            return during(fmt::format("cpus of vCPU {}", vcpu), pinned.error());
        }
    }
    return {};
}

void Supervisor::look_at_states(const DomainInfos &domains) {
    // Acting on one may change the map.
    std::vector<GuestReference> all;
    for (const auto &[key, guest] : guests_) {
        all.push_back(guest);
    }
    for (const GuestReference &guest : all) {
        look_at(guest, find_domain(domains, guest->id));
    }
}

// Without `info` there is no such domain.
void Supervisor::look_at(const GuestReference &guest, const ringfold_domain_info *info) {
    if (guest->phase != Phase::running) {
        return;
    }
    if (info == nullptr) {
        note("vanished", guest.get(), {{"text", "somebody else destroyed it"}});
        forget(guest);
    } else if (info->state == RINGFOLD_DOMAIN_ENDED) {
        ended(guest, *info);
    }
}

void Supervisor::ended(const GuestReference &guest, const ringfold_domain_info &info) {
    read_console(*guest);
    read_log();
    note("ended", guest.get(), {{"reason", shutdown_reason_name(info.shutdown_reason)}, {"code", info.shutdown_code}});
    const bool quick = environment_.monotonic_time() - guest->started < quick_end;
    guest->quick_ends = quick ? guest->quick_ends + 1 : 0;
    // Its record still says that it runs: an hvd that is killed now acts on the end again.
    guest->phase = Phase::ended;
    guest->paused = false;
    const bool broken =
        info.shutdown_reason == RINGFOLD_SHUTDOWN_CRASH || info.shutdown_reason == RINGFOLD_SHUTDOWN_WATCHDOG;
    const EndAction action = guest->config ? action_for(*guest->config, info.shutdown_reason) : EndAction::preserve;
    const bool with_core = action == EndAction::coredump_destroy || action == EndAction::coredump_restart;
    if (!broken && !with_core) {
        act_on_end(guest, action);
        return;
    }
    const Outcome<std::filesystem::path> bundle = keep_crash_bundle(hypervisor_, *guest, info, *log_);
    note(bundle.ok() ? "crash-bundle" : "error", guest.get(),
         bundle.ok() ? nlohmann::json{{"path", bundle.value().string()}}
                     : nlohmann::json{{"text", bundle.error().text}});
    if (with_core && bundle.ok()) {
        keep_core(guest, bundle.value() / "core", action);
    } else {
        act_on_end(guest, action);
    }
}

// Aside, for there may be much memory; the domain stays until it is written.
void Supervisor::keep_core(const GuestReference &guest, const std::filesystem::path &path, EndAction action) {
    const auto failure = std::make_shared<std::string>();
    const auto work = [hypervisor = hypervisor_, id = guest->id, built = guest->frames, map = guest->map, path,
                       failure] {
        const Outcome<CoreSummary> core = write_core(hypervisor, id, built, map, path);
        *failure = core.ok() ? "" : core.error().text;
    };
    environment_.aside(work, [this, guest, action, failure] {
        if (!failure->empty()) {
            note("error", guest.get(), {{"text", "no core: " + *failure}});
        }
        if (guest->phase == Phase::ended) {  // and nobody destroyed it meanwhile
            act_on_end(guest, action);
        }
    });
}

void Supervisor::act_on_end(const GuestReference &guest, EndAction action) {
    switch (action) {
        case EndAction::preserve:
            save(*guest);
            note("preserved", guest.get());
            return;
        case EndAction::restart:
        case EndAction::coredump_restart:
            if (guest->quick_ends >= most_quick_ends) {
                save(*guest);
                note("preserved", guest.get(),
                     {{"text", fmt::format("it ended {} times in a row within 2 seconds: not started again",
                                           guest->quick_ends)}});
                return;
            }
            guest->phase = guest->throw_away ? Phase::dying : Phase::restarting;
            break;
        case EndAction::destroy:
        case EndAction::coredump_destroy:
            guest->phase = Phase::dying;
            break;
    }
    save(*guest);
    finish_end(guest);
}

// Of a guest that is dying or restarting. False: to be tried again, another domain still holds frames of it.
bool Supervisor::finish_end(const GuestReference &guest) {
    if (guest->has_domain()) {
        const Outcome<void> gone = hypervisor_.destroy(guest->id);
        if (!gone.ok() && gone.error().kind != Kind::not_found) {
            return false;
        }
        note("gone", guest.get());
        guest->id = DomainId{};
        if (guest->phase == Phase::restarting) {
            ++guest->life;
            guest->console.reset();
        }
    }
    if (guest->phase == Phase::dying) {
        forget(guest);
        return true;
    }
    save(*guest);
    restart(guest);
    return true;
}

void Supervisor::restart(const GuestReference &guest) {
    build(guest, false, [this, guest](const Outcome<GuestReference> &built) {
        if (built.ok()) {
            note("restarted", guest.get());
            return;
        }
        note("restart-failed", guest.get(), {{"text", built.error().text}});
        forget(guest);
    });
}

bool Supervisor::retry() {
    tracer_.look();
    bool more = false;
    std::vector<GuestReference> waiting;
    for (const auto &[key, guest] : guests_) {
        const bool ends = guest->phase == Phase::dying || guest->phase == Phase::restarting;
        if (ends && guest->has_domain()) {
            waiting.push_back(guest);
        }
    }
    for (const GuestReference &guest : waiting) {
        more |= !finish_end(guest);
    }
    return more;
}

}  // namespace ringfold::tools
