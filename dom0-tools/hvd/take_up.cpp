// SPDX-License-Identifier: Apache-2.0
//
// What an earlier hvd left, and what there is that none of them made.
#include "dom0-tools/hvd/supervisor.hpp"

#include <ringfold/domain.h>

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace ringfold::tools {

void Supervisor::take_up(const DomainInfos &domains) {
    records_.sweep();
    std::vector<Failure> damaged;
    std::vector<GuestReference> recorded;  // all are known before one is forgotten
    std::set<DomainId> known{DomainId{static_cast<uint16_t>(self_.domain)}};
    for (Guest &record : records_.load(damaged)) {
        const auto guest = std::make_shared<Guest>(std::move(record));
        known.insert(guest->id);
        guests_[guest->key] = guest;
        recorded.push_back(guest);
    }
    for (const GuestReference &guest : recorded) {
        take_up_guest(guest, domains);
    }
    for (const Failure &failure : damaged) {
        note("error", nullptr, {{"text", failure.text}});
    }
    for (const auto &[id, info] : domains) {
        if (known.contains(id)) {
            continue;
        }
        if (info.state == RINGFOLD_DOMAIN_RUNNING || info.state == RINGFOLD_DOMAIN_ENDED) {
            adopt(info);
        } else {  // hvd was building or destroying it when it was killed
            note("removed-unfinished", nullptr, {{"name", name_in(info.name)}, {"id", info.domain}});
            (void)hypervisor_.destroy(id).ok();  // nobody knows it
        }
    }
}

void Supervisor::take_up_guest(const GuestReference &guest, const DomainInfos &domains) {
    const ringfold_domain_info *const info = find_domain(domains, guest->id);
    const bool started = info != nullptr && info->state != RINGFOLD_DOMAIN_BUILDING;
    if (const Outcome<void> opened = open_console(*guest); !opened.ok()) {
        note("error", guest.get(), {{"text", opened.error().text}});
    }
    std::error_code ignored;  // what is not there need not be removed
    if (guest->throw_away) {
        note("removed-unfinished", guest.get());
        std::filesystem::remove_all(guest->directory, ignored);
        guest->phase = Phase::dying;
        finish_end(guest);
        return;
    }
    switch (guest->phase) {
        case Phase::building:
            if (started) {  // only the record of it was missing
                guest->phase = Phase::running;
                guest->paused = info->pauses > 0;
                guest->started = environment_.monotonic_time();
                save(*guest);
                return;
            }
            note("removed-unfinished", guest.get());
            std::filesystem::remove_all(guest->directory, ignored);
            guest->phase = Phase::dying;
            finish_end(guest);
            return;
        case Phase::running:
        case Phase::ended:
            if (info == nullptr) {
                note("vanished", guest.get(), {{"text", "it was not there when hvd started"}});
                forget(guest);
            } else if (info->state == RINGFOLD_DOMAIN_RUNNING) {
                restore_pause(*guest, *info);
            }
            return;
        case Phase::restarting:
            if (started && info->state == RINGFOLD_DOMAIN_RUNNING) {  // built again, and even started
                guest->phase = Phase::running;
                guest->started = environment_.monotonic_time();
                save(*guest);
                return;
            }
            finish_end(guest);
            return;
        case Phase::dying:
            finish_end(guest);
            return;
    }
}

// Those of a debugger, and what was set by the guest before it came, which nobody knows any more.
void Supervisor::remove_breakpoints(Guest &guest, uint32_t vcpus) {
    constexpr uint64_t control_reset = 0x400;  // Intel SDM volume 3, section 17.2.4: bit 10 is always set
    constexpr uint64_t trap_flag = 1U << 8;
    Outcome<void> removed = hypervisor_.pause(guest.id);
    for (uint32_t vcpu = 0; vcpu < vcpus && removed.ok(); ++vcpu) {
        if (Outcome<ringfold_vcpu_registers> read = hypervisor_.registers(guest.id, vcpu);
            read.ok()) {  // else off line
            ringfold_vcpu_registers &registers = read.value();
            std::ranges::fill(registers.debug_addresses, 0);
            registers.debug_control = control_reset;
            registers.rflags &= ~trap_flag;
            removed = hypervisor_.set_registers(guest.id, vcpu, registers);
        }
    }
    (void)hypervisor_.unpause(guest.id).ok();  // one pause too many is taken back with the others
    if (!removed.ok()) {
        note("error", &guest, {{"text", removed.error().text}});
    }
    set_debugged(guest, false);
}

// Who looks into a guest (dump-core, registers, gdb) pauses it for that while; an hvd that is killed meanwhile leaves
// it so, and a pause that was asked for may not have been recorded. Nobody was told of that one.
void Supervisor::restore_pause(Guest &guest, const ringfold_domain_info &info) {
    if (guest.debugged) {
        remove_breakpoints(guest, info.vcpu_count);
    }
    const uint64_t wanted = guest.paused ? 1 : 0;
    Outcome<void> restored = hypervisor_.set_debug(guest.id, RINGFOLD_DEBUG_DELIVERS);
    for (uint64_t pauses = info.pauses; pauses > wanted && restored.ok(); --pauses) {
        restored = hypervisor_.unpause(guest.id);
    }
    if (info.pauses < wanted) {
        restored = hypervisor_.pause(guest.id);
    }
    if (!restored.ok()) {
        note("error", &guest, {{"text", restored.error().text}});
    }
}

// One that the boot loader brought, or somebody else made: hvd keeps its console, and can end it.
void Supervisor::adopt(const ringfold_domain_info &info) {
    const auto guest = std::make_shared<Guest>();
    guest->name = name_in(info.name);
    if (!is_domain_name(guest->name) || find(guest->name).ok()) {
        guest->name = fmt::format("domain-{}", info.domain);
    }
    guest->id = DomainId{static_cast<uint16_t>(info.domain)};
    guest->phase = Phase::running;
    guest->paused = info.pauses > 0;
    guest->started = environment_.monotonic_time();
    Outcome<void> ready = prepare_directory(*guest);
    ready = ready.ok() ? open_console(*guest) : ready;
    if (!ready.ok()) {
        note("error", guest.get(), {{"text", ready.error().text}});
    }
    guests_[guest->key] = guest;
    save(*guest);
    note("adopted", guest.get());
}

Outcome<void> Supervisor::open_console(Guest &guest) {
    Outcome<OutputLog> console = OutputLog::open(guest.directory, guest.console_stem(), environment_.output_limits);
    if (!console.ok()) {
        return console.error();
    }
    guest.console = console.take();
    return {};
}

void Supervisor::read_consoles(const DomainInfos &domains) {
    for (const auto &[key, guest] : guests_) {
        const ringfold_domain_info *const info = find_domain(domains, guest->id);
        if (info != nullptr && guest->console && info->console_written != guest->console->end()) {
            read_console(*guest);
        }
    }
}

// All that is new: the hypervisor tells of more only after that.
void Supervisor::read_console(Guest &guest) {
    if (!guest.has_domain() || !guest.console) {
        return;
    }
    for (;;) {
        const Outcome<OutputPart> part = hypervisor_.read_console(guest.id, guest.console->end());
        if (!part.ok() || part.value().text.empty()) {
            return;
        }
        const Outcome<void> kept = guest.console->append(part.value().begin, part.value().text);
        if (!kept.ok()) {
            note("error", &guest, {{"text", kept.error().text}});
            return;
        }
    }
}

void Supervisor::type(const GuestReference &guest, std::string &typed) const {
    const auto taken = guest ? hypervisor_.write_console(guest->id, typed) : Outcome<std::size_t>{typed.size()};
    typed.erase(0, taken.ok() ? taken.value() : typed.size());
}

void Supervisor::read_log() {
    for (;;) {
        const Outcome<OutputPart> part = hypervisor_.read_log(log_->end());
        if (!part.ok() || part.value().text.empty() || !log_->append(part.value().begin, part.value().text).ok()) {
            return;
        }
    }
}

}  // namespace ringfold::tools
