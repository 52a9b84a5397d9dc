// SPDX-License-Identifier: Apache-2.0
//
// Beginning, and what a user asks for.
#include "dom0-tools/hvd/supervisor.hpp"
#include "dom0-tools/library/json_text.hpp"
#include "dom0-tools/library/trace_text.hpp"

#include <ringfold/device.h>
#include <ringfold/event.h>

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace ringfold::tools {

namespace {

constexpr std::size_t kept_directories = 32;  // of guests that are gone

std::string_view order_name(uint32_t order) {
    switch (order) {
        case RINGFOLD_ORDER_POWER_OFF:
            return "poweroff";
        case RINGFOLD_ORDER_REBOOT:
            return "reboot";
        case RINGFOLD_ORDER_SYSTEM_REQUEST:
            return "sysrq";
        case RINGFOLD_ORDER_VCPUS:
            return "vcpus";
        case RINGFOLD_ORDER_MEMORY:
            return "memory";
        case RINGFOLD_ORDER_SUSPEND:
            return "suspend";
        case RINGFOLD_ORDER_RESUME:
            return "resume";
        default:
            return "unknown";
    }
}

// The number of a domain, if the text is one.
std::optional<uint16_t> number_in(const std::string &text) {
    uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

}  // namespace

Supervisor::Supervisor(HypercallPort &port, Environment environment)
    : hypervisor_(port),
      environment_(std::move(environment)),
      tracer_(port,
              [this] {
                  return TraceMoment{.tsc = environment_.time_stamp(), .nanoseconds = environment_.monotonic_time()};
              }),
      records_(environment_.run_directory / "guests") {}

void Supervisor::save(const Guest &guest) {
    if (guest.has_domain()) {
        tracer_.name(guest.id.raw(), guest.name);
    }
    const Outcome<void> saved = records_.save(guest);
    if (!saved.ok()) {
        note("error", &guest, {{"text", saved.error().text}});
    }
}

void Supervisor::note(const std::string &event, const Guest *guest, nlohmann::json more) {
    nlohmann::json line{{"time", environment_.wall_time()}, {"event", event}};
    if (guest != nullptr) {
        line["name"] = guest->name;
        line["id"] = guest->id.raw();
        line["life"] = guest->life;
    }
    line.update(more);
    if (events_) {
        const std::string text = json_text(line) + "\n";
        // Where events cannot be written there is nobody left to tell.
        (void)events_->append(events_->end(), text).ok();
    }
    changed();
}

// The wall clock's time as part of a file's name.
std::string Supervisor::file_time() const {
    std::string time = environment_.wall_time();
    std::erase(time, ':');
    return time;
}

Outcome<void> Supervisor::open_logs() {
    std::error_code error;
    for (const auto &directory : {environment_.run_directory / "guests", environment_.log_directory}) {
        std::filesystem::create_directories(directory, error);
        if (error) {
            return system_failure(directory.string(), error.value());
        }
    }
    events_ = TRY(OutputLog::open(environment_.log_directory, "events", environment_.output_limits));
    // Positions of the hypervisor's log count from its boot, which /run does not outlive.
    const auto link = environment_.run_directory / "hypervisor-log";
    std::filesystem::path directory = std::filesystem::read_symlink(link, error);
    if (error || !std::filesystem::is_directory(directory)) {
        directory = environment_.log_directory / ("hypervisor-" + file_time());
        std::filesystem::create_directories(directory, error);
        std::filesystem::remove(link, error);
        std::filesystem::create_symlink(directory, link, error);
        if (error) {
            return system_failure(link.string(), error.value());
        }
    }
    log_ = TRY(OutputLog::open(directory, "log", environment_.output_limits));
    return {};
}

Outcome<void> Supervisor::bind_interrupts() {
    for (const uint32_t irq :
         {RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE, RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE, RINGFOLD_VIRTUAL_IRQ_LOG}) {
        TRY(hypervisor_.port().bind_virtual_irq(irq));
    }
    return {};
}

Outcome<void> Supervisor::start() {
    TRY(open_logs());
    self_ = TRY(hypervisor_.describe(self_domain));
    // Before anything is looked at, so that nothing happens unseen.
    TRY(bind_interrupts());
    note("hvd-started", nullptr);
    read_log();
    take_up(TRY(hypervisor_.list()));
    prune_directories();
    return look_at_domains(true, true);
}

void Supervisor::handle_interrupts(std::span<const uint32_t> numbers) {
    const auto raised = [numbers](uint32_t irq) { return std::ranges::find(numbers, irq) != numbers.end(); };
    if (raised(RINGFOLD_VIRTUAL_IRQ_TRACE)) {
        tracer_.look();
    }
    if (raised(RINGFOLD_VIRTUAL_IRQ_LOG)) {
        read_log();
    }
    const Outcome<void> looked =
        look_at_domains(raised(RINGFOLD_VIRTUAL_IRQ_DOMAIN_CONSOLE), raised(RINGFOLD_VIRTUAL_IRQ_DOMAIN_STATE));
    if (!looked.ok()) {
        note("error", nullptr, {{"text", looked.error().text}});
    }
    changed();
}

// What is asked once for all of them.
Outcome<void> Supervisor::look_at_domains(bool consoles, bool states) {
    if (!consoles && !states) {
        return {};
    }
    const DomainInfos domains = TRY(hypervisor_.list());
    if (consoles) {
        read_consoles(domains);
    }
    if (states) {
        look_at_states(domains);
    }
    return {};
}

bool Supervisor::is_control(const std::string &name) const {
    return name == name_in(self_.name) || number_in(name) == self_.domain;
}

Outcome<GuestReference> Supervisor::find(const std::string &name) const {
    const std::optional<uint16_t> number = number_in(name);
    for (const auto &[key, guest] : guests_) {
        if (number ? guest->id.raw() == *number && *number != 0 : guest->name == name) {
            return guest;
        }
    }
    if (is_control(name)) {
        return Failure{Kind::usage, fmt::format("{} is the control domain: hvd runs in it", name)};
    }
    return Failure{Kind::not_found, fmt::format("there is no domain {}", name)};
}

Outcome<void> Supervisor::check_free_memory(FrameCount wanted) const {
    const FrameCount free{TRY(hypervisor_.counters()).free_frames};
    return wanted > free ? Outcome<void>{too_little_memory(hypervisor_, wanted)} : Outcome<void>{};
}

Outcome<void> Supervisor::prepare_directory(Guest &guest) {
    const std::string base = fmt::format("{}-{}", guest.name, file_time());
    for (unsigned number = 1; number < 1000; ++number) {
        guest.key = number == 1 ? base : fmt::format("{}-{}", base, number);
        guest.directory = environment_.log_directory / guest.key;
        std::error_code error;
        if (std::filesystem::create_directory(guest.directory, error)) {
            return {};
        }
        if (error) {
            return system_failure(guest.directory.string(), error.value());
        }
    }
    return Failure{Kind::failed, fmt::format("{}: there are a thousand folders of this name", base)};
}

void Supervisor::create(const DomainConfig &config, CreateOptions options, Created done) {
    const auto checked = [&]() -> Outcome<GuestReference> {
        TRY(check_config(config));
        if (find(config.name).ok() || config.name == name_in(self_.name)) {
            return Failure{Kind::exists, fmt::format("there is a domain {} already", config.name)};
        }
        TRY(check_free_memory(config.memory()));  // early; what is built claims it (build_guest())
        const auto guest = std::make_shared<Guest>();
        guest->name = config.name;
        guest->config = config;
        give_addresses(config.name, guest->config->networks);
        guest->throw_away = options.throw_away;
        TRY(prepare_directory(*guest));
        return guest;
    }();
    if (!checked.ok()) {
        done(checked);
        return;
    }
    const GuestReference guest = checked.value();
    guests_[guest->key] = guest;
    save(*guest);
    build(guest, options.paused, [this, guest, done = std::move(done)](Outcome<GuestReference> built) {
        if (!built.ok()) {
            std::error_code ignored;  // nothing is left of a guest that never was
            std::filesystem::remove_all(guest->directory, ignored);
            guests_.erase(guest->key);
            records_.remove(*guest);
            note("create-failed", nullptr, {{"name", guest->name}, {"text", built.error().text}});
        } else {
            note("created", guest.get());
        }
        done(std::move(built));
    });
}

Outcome<void> Supervisor::destroy(const GuestReference &guest) {
    if (guest->phase == Phase::building || guest->phase == Phase::restarting) {
        return Failure{Kind::busy, fmt::format("{} is being built", guest->name)};
    }
    // Its last words.
    read_console(*guest);
    note("destroyed", guest.get());
    guest->phase = Phase::dying;
    save(*guest);
    finish_end(guest);
    return {};
}

void Supervisor::throw_away(const std::string &key) {
    if (const auto found = guests_.find(key); found != guests_.end()) {
        (void)destroy(GuestReference{found->second}).ok();  // it is built and does not restart
    }
    std::error_code ignored;  // what is not there need not be removed
    std::filesystem::remove_all(environment_.log_directory / key, ignored);
}

Outcome<void> Supervisor::shut_down(const GuestReference &guest, uint32_t reason) {
    TRY(need_running(*guest));
    note("shutdown-forced", guest.get(), {{"reason", shutdown_reason_name(reason)}});
    TRY(hypervisor_.shut_down(guest->id, reason, 0));
    TRY(look_at_domains(false, true));
    return {};
}

Outcome<void> Supervisor::give_order(const GuestReference &guest, uint32_t order, uint32_t argument) {
    TRY(need_running(*guest));
    const Outcome<void> given = hypervisor_.port().give_order(guest->id, order, argument);
    if (!given.ok()) {
        const bool is_end = order == RINGFOLD_ORDER_POWER_OFF || order == RINGFOLD_ORDER_REBOOT;
        return Failure{given.error().kind == Kind::not_found ? Kind::unsupported : given.error().kind,
                       fmt::format("{} cannot be asked: {}{}", guest->name, given.error().text,
                                   is_end ? "; --force and destroy do not ask" : "")};
    }
    note("told", guest.get(), {{"order", order_name(order)}});
    return {};
}

// Sets aside what the domain will take until it owns `wanted`, so that nobody else takes it meanwhile.
Outcome<void> Supervisor::claim_up_to(const Guest &guest, FrameCount wanted) {
    for (unsigned tries = 0;; ++tries) {
        const FrameCount owned{TRY(hypervisor_.describe(guest.id)).owned_frames};
        const FrameCount more = wanted > owned ? wanted - owned : FrameCount{};
        const Outcome<void> claimed = hypervisor_.claim(guest.id, more);
        if (!claimed.ok() && claimed.error().kind == Kind::memory) {
            return too_little_memory(hypervisor_, more);
        }
        // It may have taken some of an earlier claim since it was looked at: then this is more than it may still own.
        if (claimed.ok() || claimed.error().kind != Kind::failed || tries == 16) {
            return claimed;
        }
    }
}

Outcome<void> Supervisor::set_memory(const GuestReference &guest, uint64_t mebibytes) {
    TRY(need_running(*guest));
    const ringfold_domain_info info = TRY(hypervisor_.describe(guest->id));
    // Its kernel knows of no more than it was built with.
    const FrameCount most = std::min(FrameCount{info.maximum_frames},
                                     guest->config ? guest->config->maximum() : FrameCount{info.maximum_frames});
    const FrameCount wanted = frames_in_mebibytes(mebibytes);
    if (wanted > most || mebibytes > UINT32_MAX) {
        return Failure{Kind::usage, fmt::format("{} MiB: {} has at most {} (maxmem and mem-max say so)", mebibytes,
                                                guest->name, most.bytes() >> 20)};
    }
    TRY(claim_up_to(*guest, wanted));
    const Outcome<void> told = give_order(guest, RINGFOLD_ORDER_MEMORY, static_cast<uint32_t>(mebibytes));
    if (!told.ok()) {
        (void)hypervisor_.claim(guest->id, FrameCount{}).ok();  // nobody will take it
        return told;
    }
    guest->memory_target = wanted;
    save(*guest);
    return {};
}

Outcome<void> Supervisor::set_control_memory(uint64_t mebibytes) {
    const ControlMemory memory = TRY(hypervisor_.port().control_memory());
    const std::string name = name_in(self_.name);
    const uint64_t most = memory.maximum.bytes() >> 20;
    const uint64_t floor = std::min(environment_.control_floor_mib, most);
    if (mebibytes < floor) {
        return Failure{Kind::usage, fmt::format("{} MiB: {} keeps at least {}, so that what looks after guests goes on "
                                                "(hvd --control-floor)",
                                                mebibytes, name, floor)};
    }
    if (mebibytes > most) {
        return Failure{Kind::usage,
                       fmt::format("{} MiB: {} has at most the {} that it began with", mebibytes, name, most)};
    }
    const FrameCount owned{TRY(hypervisor_.describe(self_domain)).owned_frames};
    const FrameCount wanted = frames_in_mebibytes(mebibytes);
    TRY(check_free_memory(wanted > owned ? wanted - owned : FrameCount{}));
    TRY(hypervisor_.port().set_control_memory(wanted));
    note("told", nullptr, {{"name", name}, {"order", order_name(RINGFOLD_ORDER_MEMORY)}});
    return {};
}

Outcome<void> Supervisor::pause(const GuestReference &guest) {
    if (guest->paused || guest->phase != Phase::running) {
        return Failure{Kind::busy, guest->paused ? fmt::format("{} is paused already", guest->name)
                                                 : fmt::format("{} does not run", guest->name)};
    }
    TRY(hypervisor_.pause(guest->id));
    guest->paused = true;
    save(*guest);
    note("paused", guest.get());
    return {};
}

void Supervisor::set_debugged(Guest &guest, bool debugged) {
    guest.debugged = debugged;
    if (guests_.contains(guest.key)) {  // it may have gone meanwhile
        save(guest);
    }
}

Outcome<void> Supervisor::unpause(const GuestReference &guest) {
    if (!guest->paused) {
        return Failure{Kind::busy, fmt::format("{} is not paused", guest->name)};
    }
    TRY(hypervisor_.unpause(guest->id));
    guest->paused = false;
    save(*guest);
    note("unpaused", guest.get());
    return {};
}

Outcome<void> Supervisor::rename(const GuestReference &guest, const std::string &name) {
    if (!is_domain_name(name)) {
        return Failure{Kind::usage, fmt::format("\"{}\": {}", name, domain_name_rule())};
    }
    if (find(name).ok() || name == name_in(self_.name)) {
        return Failure{Kind::exists, fmt::format("there is a domain {} already", name)};
    }
    note("renamed", guest.get(), {{"to", name}});
    guest->name = name;
    if (guest->config) {
        guest->config->name = name;
    }
    save(*guest);
    return {};
}

Outcome<void> Supervisor::start_trace(uint32_t classes, std::size_t limit) {
    TRY(tracer_.start(classes, limit));
    tracer_.name(static_cast<uint16_t>(self_.domain), name_in(self_.name));
    for (const auto &[key, guest] : guests_) {
        if (guest->has_domain()) {
            tracer_.name(guest->id.raw(), guest->name);
        }
    }
    note("trace-started", nullptr, {{"classes", trace_class_names(classes)}});
    return {};
}

Outcome<void> Supervisor::stop_trace() {
    TRY(tracer_.stop());
    note("trace-stopped", nullptr, {{"records", tracer_.recording()->size}});
    return {};
}

void Supervisor::forget(const GuestReference &guest) {
    records_.remove(*guest);
    guests_.erase(guest->key);
    guest->id = DomainId{};
    prune_directories();
    changed();
}

// The oldest logs of guests that are gone make room. An empty folder: hvd was killed before it had a record of the
// guest.
void Supervisor::prune_directories() {
    std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> old;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(environment_.log_directory, error)) {
        const std::string name = entry.path().filename();
        if (entry.is_directory() && !guests_.contains(name) && !name.starts_with("hypervisor-")) {
            if (std::filesystem::is_empty(entry.path(), error)) {
                std::filesystem::remove(entry.path(), error);
                continue;
            }
            old.emplace_back(entry.last_write_time(), entry.path());
        }
    }
    std::ranges::sort(old);
    for (std::size_t index = 0; index + kept_directories < old.size(); ++index) {
        std::filesystem::remove_all(old[index].second, error);
    }
}

}  // namespace ringfold::tools
