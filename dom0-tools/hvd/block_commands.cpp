// SPDX-License-Identifier: Apache-2.0
//
// Commands about disks of running guests.
#include "dom0-tools/hvd/commands.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace ringfold::tools {

namespace {

using nlohmann::json;

// What the configuration says of a disk; nullptr: nothing.
DiskConfig *configured(Guest &guest, uint32_t number) {
    if (!guest.config) {
        return nullptr;
    }
    const auto found = std::ranges::find(guest.config->disks, number, &DiskConfig::number);
    return found == guest.config->disks.end() ? nullptr : &*found;
}

json describe_disk(Guest &guest, const DiskState &state) {
    const DiskConfig *disk = configured(guest, state.number);
    return {{"vdev", disk_name(state.number)},
            {"number", state.number},
            {"target", disk == nullptr ? "" : disk->target},
            {"access", state.read_only ? "ro" : "rw"},
            {"state", state.state},
            {"queues", state.queues},
            {"sectors", state.sectors},
            {"requests", state.requests},
            {"bytes", state.bytes}};
}

// As rdb names it.
Outcome<uint32_t> number_of(const std::string &vdev) { return TRY(parse_disk("target=-,vdev=" + vdev, 0)).number; }

}  // namespace

Commands::Result Commands::block_list(Arguments arguments) const {
    const GuestReference guest = TRY(guest_with_domain(arguments));
    json rows = json::array();
    for (const DiskState &state : TRY(supervisor_->hypervisor().port().disks(guest->id))) {
        rows.push_back(describe_disk(*guest, state));
    }
    return rows;
}

Commands::Result Commands::block_attach(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    const auto text = arguments.at("disk").get<std::string>();
    uint32_t first_free = 0;
    for (const DiskState &state : TRY(supervisor_->hypervisor().port().disks(guest->id))) {
        first_free = std::max(first_free, state.number + 1);
    }
    const DiskConfig disk = TRY(parse_disk(text, first_free));
    if (!disk.target.starts_with('/')) {
        return Failure{Kind::usage, fmt::format("{}: expected a path from / on", disk.target)};
    }
    TRY(supervisor_->attach(guest, disk));
    return json{{"vdev", disk_name(disk.number)}};
}

Commands::Result Commands::block_detach(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    const uint32_t number = TRY(number_of(arguments.at("vdev").get<std::string>()));
    TRY(supervisor_->detach(guest, number, arguments.value("force", false)));
    return json::object();
}

// Of one disk, or of all that the guest has.
Commands::Result Commands::block_reset(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    HypercallPort &port = supervisor_->hypervisor().port();
    const std::string vdev = arguments.value("vdev", "");
    if (!vdev.empty()) {
        const uint32_t number = TRY(number_of(vdev));
        TRY(port.reset_disk(guest->id, number));
        return json::object();
    }
    for (const DiskState &state : TRY(port.disks(guest->id))) {
        TRY(port.reset_disk(guest->id, state.number));
    }
    return json::object();
}

Commands::Result Commands::block_resize(Arguments arguments) {
    const GuestReference guest = TRY(guest_of(arguments));
    TRY(need_running(*guest));
    const uint32_t number = TRY(number_of(arguments.at("vdev").get<std::string>()));
    const uint64_t sectors = TRY(supervisor_->hypervisor().port().resize_disk(guest->id, number));
    return json{{"vdev", disk_name(number)}, {"sectors", sectors}};
}

// What a restart brings back is what there was before it.
Outcome<void> Supervisor::attach(const GuestReference &guest, const DiskConfig &disk) {
    TRY(hypervisor_.port().add_disk(guest->id, disk));
    if (guest->config) {
        std::erase_if(guest->config->disks, [&](const DiskConfig &old) { return old.number == disk.number; });
        guest->config->disks.push_back(disk);
        save(*guest);
    }
    note("disk-attached", guest.get(), {{"vdev", disk_name(disk.number)}, {"target", disk.target}});
    return {};
}

Outcome<void> Supervisor::detach(const GuestReference &guest, uint32_t number, bool force) {
    TRY(hypervisor_.port().remove_disk(guest->id, number, force));
    if (guest->config) {
        std::erase_if(guest->config->disks, [&](const DiskConfig &old) { return old.number == number; });
        save(*guest);
    }
    note("disk-detached", guest.get(), {{"vdev", disk_name(number)}, {"force", force}});
    return {};
}

}  // namespace ringfold::tools
